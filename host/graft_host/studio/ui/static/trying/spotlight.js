// Darkens what did not matter to an answer, so that what mattered stays bright.

const SIDE = 640; // pixels of the longer side of the canvas

/** Draws a map over a picture; `image` gives the shape, `map` has values, and the margin that the network was not shown. */
export function drawSpotlight(canvas, image, map) {
  const scale = SIDE / Math.max(image.naturalWidth, image.naturalHeight);
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const pen = canvas.getContext('2d');
  const [left, top] = [canvas.width * map.margin, canvas.height * map.margin];
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.clearRect(left, top, canvas.width - 2 * left, canvas.height - 2 * top);
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(shades(map.values), left, top, canvas.width - 2 * left, canvas.height - 2 * top);
}

/** A small picture of shadows: none where a value is the largest, full where it is 0 or less. */
function shades(values) {
  const size = values.length;
  const most = Math.max(...values.flat());
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const pen = canvas.getContext('2d');
  const pixels = pen.createImageData(size, size);
  values.flat().forEach((value, index) => {
    pixels.data[4 * index + 3] = Math.round(255 * (1 - Math.max(0, value) / most));
  });
  pen.putImageData(pixels, 0, 0);
  return canvas;
}
