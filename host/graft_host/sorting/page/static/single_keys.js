// Whether single keys of letters, digits and signs act. Who dictates, or presses keys by accident, turns them off.

const NAME = 'graft-sort-keys';
const YEAR_S = 365 * 24 * 3600;

let held = read(); // if the browser forbids cookies

/** Whether single keys act. */
export const singleKeys = () => held;

/** Switches single keys on or off, for this browser: in a cookie, since each start has another port and so another storage. */
export function switchSingleKeys(on) {
  held = on;
  try {
    document.cookie = `${NAME}=${on ? 'on' : 'off'}; path=/; max-age=${YEAR_S}; SameSite=Strict`;
  } catch { /* `held` is enough */ }
}

/** Whether a key types a character, such as a letter; Space, Enter, Delete and the arrows do not. */
export const isCharacter = (key) => key !== ' ' && [...key].length === 1;

function read() {
  try {
    return !document.cookie.split('; ').includes(`${NAME}=off`);
  } catch {
    return true;
  }
}
