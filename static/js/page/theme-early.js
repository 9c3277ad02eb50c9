// A classic script that runs before the first paint, so that the page never shows the other theme first.
try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // The browser refuses storage: the system's theme is used.
}
