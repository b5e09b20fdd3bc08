package schemas

// Refusals are the codes of refusals, in row order.
var Refusals = refusals
