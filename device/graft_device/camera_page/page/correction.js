// Buttons "this was …", which put a picture into the folder of uncertain photos under the right label.

import {request} from './shared/server.js';
import {asSentence, element} from './shared/words.js';

const MOST_BUTTONS = 12;

let count = 0;

/** What to do where a board keeps no pictures. */
export function correctionHint() {
  return ['To put wrong answers right from here, start with ', element('code', '--save-uncertain DIR'), '.'];
}

/**
 * Buttons for labels, and a field for any other one.
 *
 * `first` are the labels to offer first; `path` receives the label; `title` begins the sentence that the label ends;
 * `saved(label)` is called when the picture is kept.
 */
export function correction(labels, first, path, title, saved = () => {}) {
  const node = element('div', undefined, 'correct');
  node.setAttribute('role', 'group');
  count += 1;
  const heading = element('p', `${title} …`, 'correct-h');
  heading.id = `correct-${count}`;
  node.setAttribute('aria-labelledby', heading.id);
  const said = element('p', undefined, 'said');
  said.setAttribute('role', 'status');
  const send = (label) => save(node, said, path, label, saved);
  node.append(heading, buttons(labels, first, send), field(labels, send), said);
  return node;
}

function buttons(labels, first, send) {
  const list = element('div', undefined, 'chips');
  const shown = labels.length <= MOST_BUTTONS ? labels : first.filter((label) => labels.includes(label));
  list.append(...shown.map((label) => {
    const button = element('button', undefined, 'chip');
    button.type = 'button';
    button.append(element('bdi', label));
    button.onclick = () => send(label);
    return button;
  }));
  return list;
}

function field(labels, send) {
  const form = element('form', undefined, 'another');
  const label = element('label', labels.length > MOST_BUTTONS ? 'Another label, known or new ' : 'A new label ');
  const input = element('input');
  Object.assign(input, {type: 'text', required: true, maxLength: 60, autocomplete: 'off', spellcheck: false, dir: 'auto'});
  if (labels.length > MOST_BUTTONS) {
    const choices = element('datalist');
    choices.id = `labels-${count}`;
    choices.append(...labels.map((text) => Object.assign(element('option'), {value: text})));
    input.setAttribute('list', choices.id);
    form.append(choices);
  }
  label.append(input);
  const button = element('button', 'Save');
  form.append(label, button);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (input.value.trim()) send(input.value.trim());
  };
  return form;
}

async function save(node, said, path, label, saved) {
  const body = JSON.stringify({label});
  node.classList.add('busy');
  said.classList.remove('failed');
  said.textContent = 'Saving…';
  try {
    const {content} = await request(path, {method: 'POST', body, headers: {'Content-Type': 'application/json'}});
    said.replaceChildren('Saved as ', element('bdi', content.saved), '.');
    saved(label);
  } catch (problem) {
    said.classList.add('failed');
    said.textContent = asSentence(`not saved: ${problem.message}`);
  } finally {
    node.classList.remove('busy');
  }
}
