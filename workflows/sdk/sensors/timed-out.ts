import { EvertrainError } from '../errors.js';
import type { SensorRequest } from './condition.js';

export function sensorTimedOut({ condition, timeoutMs = 0 }: SensorRequest, lastLook: string): EvertrainError {
  const what = `It was waited ${seconds(timeoutMs)} until ${condition.words}, in vain`;
  return new EvertrainError('GATE_SENSOR_TIMED_OUT', `${what}: ${lastLook}.`, {
    remedy: "Give the sensor more time, or `onTimeout: 'skip'`.",
  });
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
