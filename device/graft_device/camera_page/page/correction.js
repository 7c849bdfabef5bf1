// Buttons "this was …", which put a picture into the folder of uncertain photos under the right label.

import {choice, post} from './choice.js';
import {element} from './shared/words.js';

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
  const send = async (label) => {
    const answer = await post(path, {label});
    saved(label);
    return ['Saved as ', element('bdi', answer.saved), '.'];
  };
  return choice({labels, first, title: `${title} …`, button: 'Save', send, failed: 'not saved'});
}
