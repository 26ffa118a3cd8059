// Things that a plan names: TypeScript asks the addon for the tables and sends each name as its place in one (plan-names.ts),
// so that no order is kept in two languages.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "plan/word_reader.hpp"

namespace one {

template <class Value>
struct Named {
  const char* name;
  Value value;
};
template <class Value>
using NamedTable = std::vector<Named<Value>>;

// The value at the place that the next word tells.
template <class Value>
const Value& readNamed(WordReader& words, const NamedTable<Value>& table) {
  const std::size_t place = words.size();
  if (place >= table.size()) {
    throw std::runtime_error("Expected a place below " + std::to_string(table.size()) +
                             " in a table of the plan's names");
  }
  return table[place].value;
}

}  // namespace one
