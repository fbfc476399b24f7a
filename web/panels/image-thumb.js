/**
 * One of the user's images, as it was cropped.
 * @import { MasterImage } from '../lib/decode-images.js'
 */
import { drawTiles } from '../lib/canvas.js';
import { define } from '../lib/define.js';

export class ImageThumb extends HTMLElement {
  #canvas = document.createElement('canvas');
  /** @type {MasterImage | undefined} */
  #image;

  connectedCallback() {
    if (!this.#canvas.isConnected) this.append(this.#canvas);
  }

  /** @param {MasterImage} image */
  set image(image) {
    if (image === this.#image) return;
    this.#image = image;
    // Photographs scale down smoothly; pixel art stays crisp.
    this.#canvas.toggleAttribute('data-smooth', image.size > 64);
    drawTiles(this.#canvas, image.rgb, 1, image.size, 1);
  }
}

define('unnoise-thumb', ImageThumb);
