// Copies text, also on pages without https, where browsers offer no clipboard.

/** Copies the text of an element; resolves to whether that worked. If not, the text is selected. */
export async function copyText(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(node);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand('copy');
  }
}
