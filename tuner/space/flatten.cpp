#include "tuner/space/flatten.h"

#include "lower/moves.h"
#include "lower/tree.h"
#include "tuner/space/facts.h"

namespace tenon {
namespace {

constexpr std::int64_t narrow = 4;  // columns; a table of more is not narrow

// Two neighbouring axes of the result along which every access of the statement moves as along one.
//
//   for i 8                     fuse i j -> ij      for ij 128
//     for j 16                                        y[ij] = x[ij]
//       y[i,j] = x[i,j]
Schedule joined_rows(const Facts& facts, const StatementFacts& statement) {
  for (std::size_t i = statement.path.size(); i-- > 1;) {
    const Var inner = statement.path[i], outer = statement.path[i - 1];
    const auto is_one = [&](const AccessFacts& access) {
      return !access.guarded() && access.step(outer) < irregular &&
             access.step(outer) == access.step(inner) * facts.extent(inner);
    };
    const auto joins = [&](const StatementFacts& other) {
      return !contains(other.path, inner) || (!other.sums_over(inner) && !other.sums_over(outer) &&
                                              std::ranges::all_of(other.accesses, is_one));
    };
    if (!std::ranges::all_of(facts.statements, joins)) continue;
    const std::string &from = facts.name(outer), &to = facts.name(inner);
    return {{Fuse{from, to, stem(from) + stem(to)}}};
  }
  return {};
}

// The strands and the columns of a narrow table that is summed by column, so that vectors run along
// whole rows: part[l,c] += x[l,c], for 64 strands and 3 columns, becomes one loop over 192. Two
// steps are unrolled, because the loop over the steps of a block is short.
Schedule joined_columns(const Facts& facts, const StatementFacts& statement) {
  if (statement.store.over.empty() || statement.accesses.size() != 2 || statement.path.size() < 3)
    return {};
  const Var strand = statement.path.back();
  const AccessFacts &target = statement.target(), &read = statement.accesses[1];
  for (const Var v : statement.path) {
    if (v == strand || !target.uses(v) || target.step(strand) != 1 || read.step(v) != 1 ||
        facts.extent(v) > narrow || read.step(strand) != facts.extent(v) || read.guarded())
      continue;
    std::vector<std::string> loops;
    for (const Var axis : statement.path)
      if (axis != v && axis != strand) loops.push_back(facts.name(axis));
    const std::string steps = loops.back(), &lane = facts.name(strand), &column = facts.name(v);
    const std::string row = stem(lane) + stem(column);
    append(loops, std::vector{lane, column});
    return {{Order{loops}},
            {Order{{lane, column}}},
            {Fuse{lane, column, row}},
            {Bind{row, Tag::vector}},
            {Bind{column, Tag::unroll}},
            {Split{steps, {{stem(steps) + "o"}, {stem(steps) + "0", 2}}, Tail::peel}},
            {Bind{stem(steps) + "0", Tag::unroll}}};
  }
  return {};
}

// An axis that the statement reads by quotient and remainder becomes two, and then every address
// moves regularly:
//
//   for k 768                         split k -> ko ki(64)      for ko 12
//     sum += x[k / 64,k mod 64]                                   for ki 64
//                                                                   sum += x[ko,ki]
Schedule split_quotients(const Facts& facts, const StatementFacts& statement) {
  Schedule moves;
  visit_reads(statement.store, [&](const Access& read) {
    for (const Index& index : read.at)
      for (const Index::Term& term : index.terms()) {
        const auto axis = term.inner ? term.inner->as_var() : std::nullopt;
        const auto jumps = [&](const AccessFacts& own) { return own.step(*axis) == irregular; };
        if (!axis || term.divisor >= facts.extent(*axis) ||
            std::ranges::none_of(statement.accesses, jumps))
          continue;
        const std::string part = stem(facts.name(*axis));
        const std::vector<Part> parts{{part + "o"}, {part + "i", term.divisor}};
        moves = {{Split{facts.name(*axis), parts, Tail::peel}}};
      }
  });
  return moves;
}

// Applies the first moves that are legal, and appends them. Returns whether there are any.
bool flattened(Kernel& kernel, Schedule& all) {
  const Facts facts = facts_of(kernel);
  for (const StatementFacts& statement : facts.statements)
    for (const auto find : {joined_rows, joined_columns, split_quotients}) {
      const Schedule moves = find(facts, statement);
      if (moves.empty()) continue;
      Moved moved = apply_all(kernel, moves);
      if (std::holds_alternative<Refusal>(moved)) continue;
      kernel = std::get<Kernel>(std::move(moved));
      append(all, moves);
      return true;
    }
  return false;
}

}  // namespace

Schedule flatten(Kernel& kernel) {
  Schedule all;
  while (flattened(kernel, all)) continue;
  return all;
}

}  // namespace tenon
