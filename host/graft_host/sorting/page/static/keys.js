// The keyboard: arrows move the frame, Space selects, and single keys put pictures into places.

import {placeOf} from './places.js';
import {isCharacter, singleKeys} from './single_keys.js';

const STEPS = {ArrowLeft: -1, ArrowRight: 1};
const ROWS = {ArrowUp: -1, ArrowDown: 1};

/** Connects the keyboard; `page` has what the keys do. */
export function listen(page) {
  document.addEventListener('keydown', (event) => {
    if (event.altKey || event.target.closest('input, textarea, select')) return;
    const dialog = document.querySelector('dialog[open]');
    if (dialog && dialog.id !== 'viewer') return;
    const handled = event.ctrlKey || event.metaKey ? combined(event, page, dialog) : single(event, page, dialog);
    if (handled) event.preventDefault();
  });
}

function combined(event, page, dialog) {
  const key = event.key.toLowerCase();
  if (key === 'z') page.step(event.shiftKey ? 'redo' : 'undo');
  else if (key === 'y') page.step('redo');
  else if (key === 'a' && !dialog) page.selectCurrentGroup();
  else return false;
  return true;
}

function single(event, page, dialog) {
  const {key} = event;
  if (isCharacter(key) && !singleKeys()) return false;
  const onButton = event.target.closest('button, a');
  const to = placeOf(key, page.classes());
  if (to) page.put(to, {keyboard: true});
  else if (key in STEPS) page.go(STEPS[key], event.shiftKey && !dialog);
  else if (key.toLowerCase() === 'c') page.choose();
  else if (dialog) return false;
  else if (key in ROWS) page.goAcross(ROWS[key], event.shiftKey);
  else if (key === 'Home' || key === 'End') page.goTo(key === 'Home' ? 0 : -1, event.shiftKey);
  else if (key === ' ' && !onButton) page.toggle();
  else if (key === 'Enter' && !onButton) page.enlarge();
  else if (key === 'Escape') page.clear();
  else if (key.toLowerCase() === 'a') page.acceptCurrentGroup();
  else if (key.toLowerCase() === 'g') page.regroup();
  else if (key === '?') page.help();
  else return false;
  return true;
}
