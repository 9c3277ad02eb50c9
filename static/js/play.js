/** Play: one step after the other, at a speed. A step that is slow to come is waited for, none is left out. */
let wait = 1000;
let timer;
let isPlaying = false;

export function toggle() {
  isPlaying ? pause() : start();
}

export function pause() {
  isPlaying = false;
  clearTimeout(timer);
  show();
}

export function setSpeed(number) {
  const button = document.querySelectorAll("#speed button")[number - 1];
  if (!button) return;
  wait = Number(button.dataset.wait);
  show();
}

function start() {
  isPlaying = true;
  show();
  timer = setTimeout(step, 0);
}

function step() {
  const next = document.querySelector('a[data-step="next"]');
  if (isPlaying && next) next.click();
  else pause();
}

function show() {
  const button = document.getElementById("play");
  if (!button) return;
  button.hidden = document.getElementById("speed").hidden = false;
  button.setAttribute("aria-pressed", isPlaying);
  button.lastElementChild.textContent = isPlaying ? "Pause" : "Play";
  for (const each of document.querySelectorAll("#speed button"))
    each.setAttribute("aria-pressed", Number(each.dataset.wait) === wait);
}

document.addEventListener("click", ({ target }) => {
  if (target.closest("#play")) toggle();
  const speed = target.closest("#speed button");
  if (speed) setSpeed([...speed.parentElement.children].indexOf(speed) + 1);
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "replay") return;
  show();
  if (isPlaying) timer = setTimeout(step, wait);
});
for (const name of ["htmx:responseError", "htmx:sendError"]) document.addEventListener(name, pause);

show();
