/** The step that the page shows, and the links that lead on from it. */
export const root = () => document.getElementById("replay");

/** The links of the listed steps, in their order. */
export const stepLinks = () => [...document.querySelectorAll(".step > a")];

/** The address of the "first", "previous", "next" or "last" step; undefined if there is none. */
export const wayTo = (name) => document.querySelector(`a[data-step="${name}"]`)?.href;

/** A step's place in its source, which is the last part of its address. */
export const placeOf = (url = root().dataset.here) => Number(new URL(url, location).pathname.split("/").at(-1));

/** Resolve a link of the page. Links are relative to the step that is shown, also while the page's address lags behind it. */
export const resolve = (link) => new URL(link, new URL(root().dataset.here, location)).href;
