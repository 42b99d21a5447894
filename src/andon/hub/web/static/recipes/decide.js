// What cuts do to the parts of a group: verdicts, rates and expected cost. The same rules as the hub's.
//
// group: { concepts, defective: [bool], truth: [[place of concept]], scores: [[number by concept]] }
// cuts: [{ review, reject }] by place of the concept.
export const PASS = 0, REVIEW = 1, REJECT = 2;

// Verdict of every part; `without` leaves one concept out.
export function verdicts(group, cuts, without = -1) {
  return group.scores.map((scores) => scores.reduce(
    (worst, score, place) => (place === without ? worst : Math.max(worst, verdict(score, cuts[place]))), PASS,
  ));
}

export function verdict(score, { review, reject }) {
  return score >= reject ? REJECT : score >= review ? REVIEW : PASS;
}

export function count(group, decided) {
  const counts = { bad: 0, good: 0, escapes: 0, reviewedBad: 0, overkill: 0, reviewedGood: 0 };
  decided.forEach((found, part) => {
    if (group.defective[part]) {
      counts.bad += 1;
      if (found === PASS) counts.escapes += 1;
      else if (found === REVIEW) counts.reviewedBad += 1;
    } else {
      counts.good += 1;
      if (found === REJECT) counts.overkill += 1;
      else if (found === REVIEW) counts.reviewedGood += 1;
    }
  });
  return counts;
}

// Mean cost of a part on the line; null where the group lacks defective or good parts.
export function cost(counts, costs) {
  if (!counts.bad || !counts.good) return null;
  const rate = costs.defect_percent / 100;
  const bad = (costs.escape * counts.escapes + costs.review * counts.reviewedBad) / counts.bad;
  const good = (costs.overkill * counts.overkill + costs.review * counts.reviewedGood) / counts.good;
  return rate * bad + (1 - rate) * good;
}

// Over possible places t of one concept's cut, the others staying: share of defective parts that would
// PASS with the review cut at t, share of good ones REJECTED with the reject cut at t, and the cost with the
// cut called `active` at t (the other one is pushed along where they would cross).
export function curves(group, cuts, place, active, costs, places) {
  const others = verdicts(group, cuts, place);
  const own = cuts[place];
  const at = (pair) => count(group, group.scores.map((scores, part) => Math.max(others[part], verdict(scores[place], pair))));
  return places.map((t) => {
    const reviewAt = at({ review: t, reject: Math.max(t, own.reject) });
    const rejectAt = at({ review: Math.min(t, own.review), reject: t });
    return {
      t,
      escapes: reviewAt.bad ? reviewAt.escapes / reviewAt.bad : null,
      overkill: rejectAt.good ? rejectAt.overkill / rejectAt.good : null,
      cost: cost(active === "review" ? reviewAt : rejectAt, costs),
    };
  });
}
