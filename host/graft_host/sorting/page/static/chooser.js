// Asks for a class by its name; a name that there is not becomes a new class.

import {element} from './shared/words.js';

const at = (id) => document.getElementById(id);

/** Opens the dialog; `take(label, isNew)` resolves to a reason why the label cannot be taken, or to nothing. */
export function choose(classes, heading, take) {
  const [dialog, form, input, list, problem] = ['chooser', 'chooser-form', 'chooser-name', 'choices', 'chooser-problem'].map(at);
  at('chooser-h').textContent = heading;
  input.value = '';
  problem.hidden = true;

  function offers() {
    const typed = input.value.trim().normalize('NFC');
    const folded = typed.toLowerCase();
    const found = classes.map(({label}) => label).filter((label) => label.toLowerCase().includes(folded));
    found.sort((one, two) => two.toLowerCase().startsWith(folded) - one.toLowerCase().startsWith(folded));
    const same = found.find((label) => label.toLowerCase() === folded);
    const rest = found.filter((label) => label !== same);
    const all = [...(same ? [same] : []), ...rest].map((label) => [label, false]);
    return typed && !same ? [...all, [typed, true]] : all;
  }

  function show() {
    list.replaceChildren(...offers().map(([label, isNew]) => {
      const node = element('button', isNew ? `New class ‘${label}’` : label, isNew ? 'new' : '');
      node.type = 'button';
      node.onclick = () => finish(label, isNew);
      return node;
    }));
  }

  async function finish(label, isNew) {
    const reason = await take(label, isNew);
    if (reason) {
      problem.textContent = reason;
      problem.hidden = false;
      input.focus();
    } else {
      dialog.close();
    }
  }

  input.oninput = () => {
    problem.hidden = true;
    show();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const [first] = offers();
    if (first && input.value.trim()) finish(...first);
  };
  at('chooser-cancel').onclick = () => dialog.close();
  show();
  dialog.showModal();
  input.focus();
}
