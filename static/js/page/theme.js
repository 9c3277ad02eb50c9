/** The switch between the light and the dark theme. Without a choice the system decides; a choice is stored. */
const root = document.documentElement;

function isDark() {
  if (root.dataset.theme) return root.dataset.theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

document.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-theme-switch]")) return;
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // The browser refuses storage: the choice lasts as long as the page.
  }
});
