// Draws the charts of a page from the blocks of data beside them; the same numbers stand in a table.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  if (!window.echarts) return;
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const size = parseFloat(style.fontSize);
  const colours = [token("--brand"), "#c77700", token("--good"), token("--bad"), token("--rule")];
  const axis = { axisLabel: { color: token("--ink"), fontSize: size * 0.8 }, axisLine: { lineStyle: { color: token("--rule") } } };
  for (const box of document.querySelectorAll("[data-chart]")) {
    const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    box.hidden = false;
    const plain = box.parentElement.querySelector("[data-plain]");
    if (plain) plain.hidden = true;
    const chart = echarts.init(box, null, { renderer: "svg" });
    chart.setOption({
      animation: !still,
      color: colours,
      textStyle: { fontFamily: style.getPropertyValue("--sans"), fontSize: size * 0.85 },
      // As text of the picture: a box of HTML would bring styles that the page's policy refuses.
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
      legend: data.series.length > 1 ? { top: 0, textStyle: { color: token("--ink"), fontSize: size * 0.85 } } : undefined,
      grid: { left: 8, right: 16, top: data.series.length > 1 ? 36 : 16, bottom: 8, containLabel: true },
      xAxis: { type: "category", data: data.labels, ...axis },
      yAxis: { type: "value", minInterval: 1, splitLine: { lineStyle: { color: token("--line") } }, ...axis },
      series: data.series.map((one) => ({ name: one.name, type: data.kind || "bar", data: one.values, barMaxWidth: 36, symbolSize: 6 })),
    });
    addEventListener("resize", () => chart.resize());
    addEventListener("beforeprint", () => chart.resize());
  }
});
