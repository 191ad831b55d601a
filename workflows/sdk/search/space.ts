/** A search space as data: parameters by name; a bare value is a constant. */

export type Scalar = string | number | boolean;

/** The parameter exists only in trials in which these have one of the values given. */
export type Condition = Readonly<Record<string, Scalar | readonly Scalar[]>>;

export interface FloatParameter {
  readonly kind: 'float';
  readonly min: number;
  readonly max: number;
  /** Uniform in the logarithm. */
  readonly log?: true;
  /** Only `min`, `min + step` and so on. */
  readonly step?: number;
  readonly when?: Condition;
}

export interface IntParameter {
  readonly kind: 'int';
  readonly min: number;
  /** Included. */
  readonly max: number;
  readonly log?: true;
  readonly step?: number;
  readonly when?: Condition;
}

export interface CategoricalParameter<Value extends Scalar = Scalar> {
  readonly kind: 'categorical';
  readonly values: readonly Value[];
  readonly when?: Condition;
}

export type Parameter = FloatParameter | IntParameter | CategoricalParameter;

export type Space = Readonly<Record<string, Parameter | Scalar>>;
