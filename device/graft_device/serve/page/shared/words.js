// Small helpers of the pages: elements and figures as text. Text is inserted as text, never as markup.

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A text as a sentence: with a capital letter and a full stop. */
export const asSentence = (text) => text && capital(text) + (/[.?!]$/.test(text) ? '' : '.');

export function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** A share as a percentage with one decimal; only 1 is shown as 100% and only 0 as 0%. */
export function percent(share) {
  const shown = `${(100 * share).toFixed(1)}%`;
  if (shown === '100.0%') return share >= 1 ? '100%' : 'over 99.9%';
  if (shown === '0.0%') return share <= 0 ? '0%' : 'under 0.1%';
  return shown;
}

/** A row of a description list of class `rows`. */
export function fact(term, value) {
  const row = element('div');
  const description = element('dd');
  description.append(value);
  row.append(element('dt', term), description);
  return row;
}
