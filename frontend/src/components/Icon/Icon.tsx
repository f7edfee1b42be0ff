/** The page's signs: drawn for 20 by 20, in the colour of the text around them. */

const PATHS = {
  plus: "M10 4v12M4 10h12",
  menu: "M3.5 6h13M3.5 10h13M3.5 14h13",
  close: "M5 5l10 10M15 5L5 15",
  send: "M10 16V4.5M5 9l5-5 5 5",
  stop: "M6 6h8v8H6z",
  down: "M10 4v12M5 11l5 5 5-5",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.5l4 4 8-9",
  pencil: "M4 16l1-4 8.5-8.5 3 3L8 15l-4 1z",
  bin: "M4 6h12M8 6V4h4v2M6 6l1 10h6l1-10",
  again: "M15.5 8A6 6 0 1 0 16 11M15.5 4v4h-4",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  good: "M6 9v7H4V9zM6 9l3-5.5c1.3 0 1.8.9 1.5 2L10 8.500h5c.9 0 1.400.8 1.200 1.600l-1.300 4.700c-.2.700-.8 1.200-1.500 1.200H6",
  poor: "M14 11V4h2v7zM14 11l-3 5.500c-1.300 0-1.800-.9-1.500-2l.5-3H5c-.9 0-1.400-.8-1.200-1.600l1.300-4.700C5.300 4.500 5.900 4 6.600 4H14",
  info: "M10 9v5M10 6.200v.3M10 17.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15z",
  sliders: "M4 6h6M14 6h2M4 14h2M10 14h6M12 4v4M8 12v4",
  search: "M9 14.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM13 13l4 4",
  keys: "M3 6h14v9H3zM6 9h.01M10 9h.01M14 9h.01M7 12h6",
} as const;

export type IconName = keyof typeof PATHS;

export interface IconProps {
  readonly name: IconName;
}

export function Icon({ name }: IconProps) {
  return (
    <svg aria-hidden="true" viewBox="0 0 20 20" width="20" height="20">
      <path
        d={PATHS[name]}
        fill={name === "stop" ? "currentColor" : "none"}
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
