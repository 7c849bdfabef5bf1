// Buttons for labels, and a field for any other one.

import {request} from './shared/server.js';
import {asSentence, element} from './shared/words.js';

const MOST_BUTTONS = 12;

let count = 0;

/** Posts JSON; resolves to the answer. */
export async function post(path, given) {
  const options = {method: 'POST', body: JSON.stringify(given), headers: {'Content-Type': 'application/json'}};
  return (await request(path, options)).content;
}

/**
 * A group of buttons for labels, with a field for any other label and a line that says what came of it.
 *
 * `first` are the labels to offer first where there are too many for buttons; `title` is the group's name; `between` are
 * nodes to put before the line; `send(label)` resolves to what to say when it is done, or throws a problem; `failed`
 * begins the sentence that the problem ends; `grows` is whether a new label gets a button.
 */
export function choice({labels, first, title, button, between = [], send, failed, grows = false}) {
  const node = element('div', undefined, 'correct');
  node.setAttribute('role', 'group');
  count += 1;
  const heading = element('p', title, 'correct-h');
  heading.id = `choice-${count}`;
  node.setAttribute('aria-labelledby', heading.id);
  const said = element('p', undefined, 'said');
  said.setAttribute('role', 'status');
  const act = async (label) => {
    if (node.classList.contains('busy')) return;
    const done = await chosen(node, said, send, failed, label);
    if (done && grows && !labels.includes(label)) {
      labels = [...labels, label];
      list.append(chip(label, act));
    }
  };
  const list = element('div', undefined, 'chips');
  const shown = labels.length <= MOST_BUTTONS ? labels : first.filter((label) => labels.includes(label));
  list.append(...[...new Set(shown)].slice(0, MOST_BUTTONS).map((label) => chip(label, act)));
  node.append(heading, list, field(labels, button, act), ...between, said);
  return node;
}

function chip(label, act) {
  const button = element('button', undefined, 'chip');
  button.type = 'button';
  button.append(element('bdi', label));
  button.onclick = () => act(label);
  return button;
}

function field(labels, text, act) {
  const form = element('form', undefined, 'another');
  const label = element('label', labels.length > MOST_BUTTONS ? 'Another label, known or new ' : 'A new label ');
  const input = element('input');
  Object.assign(input, {type: 'text', required: true, maxLength: 60, autocomplete: 'off', spellcheck: false, dir: 'auto'});
  if (labels.length > MOST_BUTTONS) {
    const choices = element('datalist');
    choices.id = `labels-${count}`;
    choices.append(...labels.map((known) => Object.assign(element('option'), {value: known})));
    input.setAttribute('list', choices.id);
    form.append(choices);
  }
  label.append(input);
  form.append(label, element('button', text));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (input.value.trim()) act(input.value.trim());
  };
  return form;
}

async function chosen(node, said, send, failed, label) {
  node.classList.add('busy');
  said.classList.remove('failed');
  said.textContent = 'Saving…';
  try {
    said.replaceChildren(...await send(label));
    return true;
  } catch (problem) {
    said.classList.add('failed');
    said.textContent = asSentence(`${failed}: ${problem.message}`);
    return false;
  } finally {
    node.classList.remove('busy');
  }
}
