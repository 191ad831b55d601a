/** Heads the column of ticks by which rows are chosen to be compared. */
export function CompareHead() {
  return (
    <th>
      <span class="unseen">Compare</span>
    </th>
  );
}

interface CompareCellProps {
  /** Of the row, for who does not see it. */
  readonly name: string;
  readonly isChosen: boolean;
  readonly toggle: () => void;
}

export function CompareCell({ name, isChosen, toggle }: CompareCellProps) {
  return (
    <td>
      <input type="checkbox" aria-label={`Compare ${name}`} checked={isChosen} onChange={toggle} />
    </td>
  );
}
