/** The states of a connection to a log, in words for the page. */
export const WORDS = {
  open: "",
  lost: "Reconnecting…",
  "signed-out": "You are signed out.",
  "not-a-member": "You may no longer read this log.",
  "too-many": "You have too many live pages: this page becomes live when you close some.",
  unreadable: "This query can’t be followed.",
};
