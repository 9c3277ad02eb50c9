// A classic script, run before the first paint: a stored theme must not flash in late.
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be refused: the system's theme it is, then.
}
