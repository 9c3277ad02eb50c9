/** Fields that are left empty stay out of the URL. */
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = event.detail;
  if (!elt.matches("form")) return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
