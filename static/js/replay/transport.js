/** What the transport's buttons show of playing. */
import { isChosen, isRecorded, isSkippingIdle } from "./pace.js";

const get = (id) => document.getElementById(id);

/** `gap` is a gap in words, or empty; `following` says that playing waits for new events, and how. */
export function showTransport({ isPlaying, gap, following }) {
  const play = get("play");
  play.hidden = get("speed").hidden = false;
  play.classList.toggle("playing", isPlaying);
  play.lastElementChild.textContent = isPlaying ? "Pause" : "Play";
  for (const button of document.querySelectorAll("#speed button"))
    button.setAttribute("aria-pressed", isChosen(button));
  get("idle").hidden = !isRecorded();
  get("idle").setAttribute("aria-pressed", isSkippingIdle());
  get("gap").hidden = !gap;
  get("gap").textContent = gap;
  get("following").hidden = !following;
  get("following").lastElementChild.textContent = following;
}
