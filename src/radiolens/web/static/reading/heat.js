// The heat map over the image: the server's picture of the map, laid on the slice as the viewer shows it.

export class Heat {
  constructor(canvas, viewer) {
    this.canvas = canvas;
    this.viewer = viewer;
    this.opacity = 0.7;
    viewer.addEventListener("drawn", () => this.draw());
  }

  /** Show the map at an address, or none. The server names the slice that it belongs to. */
  async show(address) {
    this.address = address;
    this.picture = null;
    if (address) {
      const answer = await fetch(address, { headers: { "X-Requested-With": "radiolens" } });
      if (!answer.ok || this.address !== address) return;
      this.slice = Number(answer.headers.get("X-Slice-Index"));
      this.picture = await createImageBitmap(await answer.blob());
      await this.viewer.go(this.viewer.stack.indices.indexOf(this.slice));
    }
    this.draw();
  }

  get elsewhere() {
    return Boolean(this.picture) && this.slice !== this.viewer.index;
  }

  draw() {
    const { canvas, viewer } = this;
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1];
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (!this.picture || this.elsewhere) return;
    const { columns, rows } = viewer.stack;
    const [[x, y], [rightX, rightY], [downX, downY]] = [viewer.toScreen(0, 0), viewer.toScreen(columns, 0), viewer.toScreen(0, rows)];
    const pen = canvas.getContext("2d");
    const { width: across, height: down } = this.picture;
    pen.setTransform(...[(rightX - x) / across, (rightY - y) / across, (downX - x) / down, (downY - y) / down, x, y].map((value) => value * ratio));
    pen.globalAlpha = this.opacity;
    pen.drawImage(this.picture, 0, 0);
  }
}
