// For designers and testers: lists notices as they arrive. Opened by the link in the footer or Ctrl+Alt+L.

const MOST = 200;
const panel = () => document.getElementById("inspector");

document.addEventListener("duet:notice", ({ detail: { subject, data } }) => {
  const list = panel()?.querySelector("ol");
  if (!list) return;
  const row = document.createElement("li");
  row.textContent = `${new Date().toISOString().slice(11, 23)}  ${subject}  ${JSON.stringify(data)}`;
  list.prepend(row);
  while (list.children.length > MOST) list.lastChild.remove();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-inspector]")) return;
  event.preventDefault();
  toggle();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.altKey && event.key.toLowerCase() === "l") toggle();
});

function toggle() {
  const box = panel();
  box.hidden = !box.hidden;
  if (!box.hidden) box.focus({ preventScroll: true });
}
