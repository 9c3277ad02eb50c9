/** Adapts the page that Swagger draws: our theme, headings in order, and each part can be scrolled by keyboard. */
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
}

function mend() {
  for (const heading of document.querySelectorAll(".opblock-tag:not([aria-level])")) heading.ariaLevel = "2";
  for (const heading of document.querySelectorAll("h4:not([aria-level])")) heading.ariaLevel = "3";
  for (const example of document.querySelectorAll(".microlight:not([tabindex])")) example.tabIndex = 0;
}

followTheme();
system.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });
new MutationObserver(mend).observe(document.querySelector("#swagger-ui"), { childList: true, subtree: true });
