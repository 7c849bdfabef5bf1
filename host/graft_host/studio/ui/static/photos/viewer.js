// Shows a photo large, and goes to those before and behind it.

import {photo} from '/static/media.js';
import {button, element} from './words.js';

/** Opens the dialog with the photo that has the frame of a grid; `bin(id)` resolves when a photo is in the bin. */
export function enlarge(t, grid, heading, bin) {
  const dialog = element('dialog', undefined, 'photos-dialog photos-viewer');
  const title = element('h2');
  title.id = 'photos-viewer-title';
  dialog.setAttribute('aria-labelledby', title.id);
  const image = new Image();
  const place = element('p', '', 'quiet');
  place.role = 'status';
  const show = () => {
    const id = grid.currentId;
    if (id === undefined) {
      dialog.close();
      return;
    }
    const name = id.split('/').pop();
    title.textContent = name;
    image.alt = name;
    image.src = photo(id, grid.versionOf(id));
    place.textContent = t('place', {label: heading, number: grid.current + 1, count: grid.ids.length});
  };
  const step = (by) => {
    grid.go(grid.current + by);
    show();
  };
  const remove = async () => {
    await bin(grid.currentId);
    show();
  };
  const row = element('div', undefined, 'photos-ends');
  row.append(
    button('chevron_left', '', () => step(-1), {named: t('before')}),
    button('chevron_right', '', () => step(1), {named: t('next')}),
    place,
    button('delete', t('delete'), remove),
    button('', t('close'), () => dialog.close()),
  );
  dialog.append(title, image, row);
  dialog.addEventListener('keydown', (event) => {
    const by = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1}[event.key];
    if (by) step(by);
    else if (event.key === 'Home') step(-grid.ids.length);
    else if (event.key === 'End') step(grid.ids.length);
    else if (event.key === 'Delete') remove();
    else return;
    event.preventDefault();
  });
  dialog.onclose = () => {
    dialog.remove();
    grid.root.focus();
  };
  document.body.append(dialog);
  show();
  dialog.showModal();
}
