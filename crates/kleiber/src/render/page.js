(() => {
  "use strict";
  const dark = JSON.parse(document.getElementById("dark-colors").textContent);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const keys = new Set(["color", "paper_bgcolor", "fillcolor", "bgcolor", "bordercolor", "gridcolor", "linecolor", "tickcolor"]);
  const plots = [...document.querySelectorAll(".plot")];
  const hidden = new Map(plots.map((plot) => [plot, new Set()]));

  function recolor(key, value) {
    const swap = scheme.matches && typeof value === "string" && keys.has(key);
    return swap ? (dark[value] ?? value) : value;
  }

  function draw(plot) {
    const { data, layout, narrow } = JSON.parse(document.getElementById(plot.dataset.source).textContent, recolor);
    plot.narrow = plot.clientWidth < 560;
    if (plot.narrow) {
      Object.assign(layout.xaxis, narrow.xaxis);
      Object.assign(layout.yaxis, narrow.yaxis);
      layout.font.size = 13;
      layout.margin.r = 14;
    }
    // Dragging scrolls the page on a touch screen, so it cannot also zoom there.
    layout.dragmode = matchMedia("(pointer: coarse)").matches ? false : "zoom";
    data.forEach((trace, index) => { trace.visible = !hidden.get(plot).has(index); });
    return Plotly.react(plot, data, layout, { displayModeBar: false, doubleClick: false });
  }

  for (const plot of plots) {
    draw(plot).then(() => {
      plot.on("plotly_doubleclick", () => { draw(plot); });
      // The prepared ticks suit the whole range; a zoomed axis needs finer ones.
      plot.on("plotly_relayout", (event) => {
        const update = {};
        for (const axis of ["xaxis", "yaxis"]) {
          if (`${axis}.range[0]` in event) {
            update[`${axis}.tickmode`] = "auto";
            update[`${axis}.minor.tickmode`] = "auto";
          }
        }
        if (Object.keys(update).length) Plotly.relayout(plot, update);
      });
    });
    new ResizeObserver(() => {
      if ((plot.clientWidth < 560) !== plot.narrow) draw(plot);
      else Plotly.Plots.resize(plot);
    }).observe(plot);
    const actions = {
      ".save": () => Plotly.downloadImage(plot, { format: "png", scale: 2, filename: plot.dataset.name }),
      ".reset": () => draw(plot),
    };
    for (const [name, action] of Object.entries(actions)) {
      const button = plot.closest("figure").querySelector(name);
      button.hidden = false;
      button.addEventListener("click", action);
    }
    for (const button of plot.closest("figure").querySelectorAll(".legend button")) {
      button.addEventListener("click", () => {
        const show = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(show));
        const trace = Number(button.dataset.trace);
        if (show) hidden.get(plot).delete(trace); else hidden.get(plot).add(trace);
        Plotly.restyle(plot, { visible: show }, [trace]);
      });
    }
  }
  scheme.addEventListener("change", () => plots.forEach(draw));
})();
