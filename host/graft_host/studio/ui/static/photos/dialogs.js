// Asks for the name of a class, or for one of the classes.

import {button, element} from './words.js';

/** Opens a dialog with a heading and what `fill` puts into its form; resolves when it is closed. */
function open(t, heading, fill) {
  const dialog = element('dialog', undefined, 'photos-dialog');
  const form = element('form');
  const title = element('h2', heading);
  title.id = 'photos-dialog-title';
  dialog.setAttribute('aria-labelledby', title.id);
  form.append(title);
  form.onsubmit = (event) => event.preventDefault();
  dialog.append(form);
  const before = document.activeElement;
  document.body.append(dialog);
  fill(form, dialog);
  dialog.showModal();
  form.querySelector('input')?.focus();
  form.querySelector('input')?.select();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve();
    };
  });
}

function labelled(text, value) {
  const field = element('label', text, 'photos-field');
  const input = element('input');
  input.type = 'text';
  input.autocomplete = 'off';
  input.maxLength = 200;
  input.value = value;
  field.append(input);
  return [field, input];
}

/** Asks for a name; `take(name)` resolves to a reason why it cannot be taken, or to nothing. */
export async function askName(t, {heading, action, value = ''}, take) {
  await open(t, heading, (form, dialog) => {
    const [field, input] = labelled(t('class_name'), value);
    const problem = element('p', '', 'photos-problem');
    problem.role = 'alert';
    const go = button('', action, null, {kind: 'main'});
    go.type = 'submit';
    form.onsubmit = async (event) => {
      event.preventDefault();
      const name = input.value.trim().normalize('NFC');
      if (!name) {
        input.focus();
        return;
      }
      go.disabled = true;
      const reason = await take(name);
      go.disabled = false;
      problem.textContent = reason ?? '';
      if (reason) input.focus();
      else dialog.close();
    };
    form.append(field, problem, ends(t, dialog, go));
  });
}

/** Asks for a class out of `labels`, or a new one; resolves to its label, null for none. */
export async function askClass(t, heading, labels) {
  let chosen = null;
  await open(t, heading, (form, dialog) => {
    const [field, input] = labelled(t('class_or_new'), '');
    const list = element('div', undefined, 'photos-choices');
    const take = (label) => {
      chosen = label;
      dialog.close();
    };
    const offers = () => {
      const typed = input.value.trim().normalize('NFC');
      const folded = typed.toLowerCase();
      const found = labels.filter((label) => label.toLowerCase().includes(folded));
      found.sort((one, two) => two.toLowerCase().startsWith(folded) - one.toLowerCase().startsWith(folded));
      const isNew = typed && !labels.some((label) => label.toLowerCase() === folded);
      return [...found.map((label) => [label, label]), ...(isNew ? [[typed, t('new_class', {label: typed})]] : [])];
    };
    const show = () => list.replaceChildren(...offers().map(([label, text]) => button('', text, () => take(label))));
    input.oninput = show;
    form.onsubmit = (event) => {
      event.preventDefault();
      const [first] = offers();
      if (first && input.value.trim()) take(first[0]);
    };
    show();
    form.append(field, list, ends(t, dialog));
  });
  return chosen;
}

/** Lists the keys of the page. */
export function showKeys(t) {
  return open(t, t('keys'), (form, dialog) => {
    const list = element('dl', undefined, 'photos-keys');
    for (const line of t('key_list').trim().split('\n')) {
      const [keys, does] = line.split(' | ');
      list.append(element('dt', keys), element('dd', does));
    }
    form.append(list, ends(t, dialog));
  });
}

function ends(t, dialog, ...more) {
  const row = element('div', undefined, 'photos-ends');
  row.append(...more, button('', t('close'), () => dialog.close()));
  return row;
}
