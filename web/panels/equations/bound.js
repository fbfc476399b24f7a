import { mathml } from 'lit';
import { equation, fn, last, mi, mn, mo, paren, row, sub, t, term, x0 } from './symbols.js';

/**
 * The variational bound of an image: prior, steps and decoder (Ho et al. 2020, equation 5). Each
 * term has the colour of its curve.
 */
export const boundEquation = equation(
  'Variational bound',
  mo('−'),
  fn('log'),
  sub(mi('p'), mi('θ')),
  paren(x0),
  mo('≤'),
  term('prior', sub(mi('L'), last)),
  mo('+'),
  mathml`<munder>${mo('∑')}${row(t, mo('>'), mn(1))}</munder>`,
  term('kl', sub(mi('L'), row(t, mo('−'), mn(1)))),
  mo('+'),
  term('decoder', sub(mi('L'), mn(0))),
);
