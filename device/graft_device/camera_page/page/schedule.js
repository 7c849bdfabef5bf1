// When the page works: only while somebody can see it.

/** Calls `work` every so many seconds while the page is in view, and at once when it comes into view; never twice at a time. */
export function every(seconds, work) {
  let running = false;
  const tick = async () => {
    if (document.hidden || running) return;
    running = true;
    try {
      await work();
    } finally {
      running = false;
    }
  };
  setInterval(tick, 1000 * seconds);
  document.addEventListener('visibilitychange', tick);
}

/** Calls `changed(visible)` when an element comes into view or leaves it, also with the tab; returns a function that ends this. */
export function onVisible(element, changed) {
  let inside = false;
  let last = null;
  const update = () => {
    const visible = inside && !document.hidden;
    if (visible !== last) changed(visible);
    last = visible;
  };
  const observer = new IntersectionObserver((entries) => {
    inside = entries.at(-1).isIntersecting;
    update();
  });
  observer.observe(element);
  document.addEventListener('visibilitychange', update);
  return () => {
    observer.disconnect();
    document.removeEventListener('visibilitychange', update);
  };
}

/** Waits, at most until the signal. */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, {once: true});
  });
}
