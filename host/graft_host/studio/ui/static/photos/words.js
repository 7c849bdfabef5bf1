// Texts of the page in its language, and small helpers to make elements. Text is inserted as text, never as markup.

import {element} from '/shared/words.js';

export {element};

/** A function that looks up a text by its name and fills in its places; `{count}` chooses between `one` and `other`. */
export function makeTexts(texts, language) {
  const shown = (value) => (typeof value === 'number' ? value.toLocaleString(language) : value);
  return (name, values = {}) => {
    let text = texts[name];
    if (typeof text === 'object') text = text[values.count === 1 ? 'one' : 'other'];
    return text.replace(/\{(\w+)\}/g, (_, place) => shown(values[place]));
  };
}

/** A button with a text, and an icon of Material Icons in front of it; `named` is its name where it has no text. */
export function button(icon, text, act, {named, kind = ''} = {}) {
  const node = element('button', undefined, `photos-button ${kind}`.trim());
  node.type = 'button';
  if (icon) {
    const sign = element('i', icon, 'material-icons');
    sign.ariaHidden = 'true';
    node.append(sign);
  }
  if (text) node.append(element('span', text));
  if (named) {
    node.ariaLabel = named;
    node.title = named;
  }
  if (act) node.onclick = act;
  return node;
}

/** A name for what is added together, which one undo takes back. */
export const series = () => `${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}-${Math.random().toString(36).slice(2, 6)}`;

/** An element that says its text aloud whenever it changes. */
export function speaker(className) {
  const node = element('p', '', className);
  node.role = 'status';
  return node;
}
