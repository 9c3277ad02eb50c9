/** The states of a connection to a log, in words for the page. */
export const WORDS = {
  open: "",
  lost: "Reconnecting…",
  "signed-out": "You are signed out.",
  "not-a-member": "You may no longer read this log.",
  "too-many": "Too many of your pages are live at once: this one will be when you close some.",
  unreadable: "This query can’t be followed.",
};
