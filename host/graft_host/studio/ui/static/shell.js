// On a phone the header scrolls sideways: shows the link of the current page in it, once the page is built.
const shown = new MutationObserver(showCurrent);
shown.observe(document.documentElement, { childList: true, subtree: true });
showCurrent();

function showCurrent() {
  const current = document.querySelector(".studio-link[aria-current]");
  if (!current) return;
  shown.disconnect();
  const nav = current.parentElement;
  nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
}
