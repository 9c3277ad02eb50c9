/** Empty fields of a form stay out of the address. */
document.addEventListener("htmx:configRequest", ({ detail: { elt, formData } }) => {
  if (!elt.matches("form")) return;
  const emptyNames = [...formData].filter(([, value]) => value === "").map(([name]) => name);
  for (const name of emptyNames) formData.delete(name);
});
