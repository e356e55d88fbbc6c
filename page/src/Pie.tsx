/** The pie of parameters by form, as the report in Markdown has it. */
import { FORMS, fillOf } from "./colours";
import type { Report } from "./documents";
import { countOf, human, percent } from "./text";

const RADIUS = 50;
const HOLE = 29;

export function Pie({ report }: { report: Report }) {
  const { parameters } = report.totals;
  const forms = report.forms.filter((each) => each.layers);
  const words = forms
    .map((each) => `${each.form} ${percent(each.parameters, parameters)}`)
    .join(", ");
  let turned = 0;
  return (
    <div class="pie">
      <svg
        viewBox="-52 -52 104 104"
        role="img"
        aria-label={`Parameters by form: ${words || "none"}`}
      >
        {parameters ? null : <circle r={(RADIUS + HOLE) / 2} class="none" />}
        {forms.map((each) => {
          const from = turned;
          turned += parameters ? each.parameters / parameters : 0;
          return (
            <path
              key={each.form}
              d={slice(from, turned)}
              style={{ fill: fillOf(FORMS, each.form) }}
            />
          );
        })}
      </svg>
      <table>
        <caption class="spoken">Parameters by form</caption>
        <tbody>
          {forms.map((each) => (
            <tr key={each.form}>
              <th scope="row">
                <i class="swatch" style={{ background: fillOf(FORMS, each.form) }} />
                {each.form}
                <small>{countOf(each.layers, "tensor")}</small>
              </th>
              <td>
                {human(each.parameters)}
                <small>{percent(each.parameters, parameters)}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function slice(from: number, to: number): string {
  const share = Math.min(to - from, 0.99999);
  const point = (turn: number, radius: number) => {
    const angle = 2 * Math.PI * (from + turn - 0.25);
    return `${(radius * Math.cos(angle)).toFixed(3)} ${(radius * Math.sin(angle)).toFixed(3)}`;
  };
  const isLarge = share > 0.5 ? 1 : 0;
  const outer = `M${point(0, RADIUS)}A${RADIUS} ${RADIUS} 0 ${isLarge} 1 ${point(share, RADIUS)}`;
  return `${outer}L${point(share, HOLE)}A${HOLE} ${HOLE} 0 ${isLarge} 0 ${point(0, HOLE)}Z`;
}
