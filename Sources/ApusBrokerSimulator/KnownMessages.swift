/// Everything that clients sent, and what they were promised about it: the truth that a log is held against.
struct KnownMessages {
  private(set) var messages: [String: SimulatedMessage] = [:]
  /// In the order of their making.
  private(set) var keys: [String] = []

  subscript(key: String) -> SimulatedMessage? {
    get { messages[key] }
    set { messages[key] = newValue }
  }

  mutating func add(_ message: SimulatedMessage) {
    messages[message.key] = message
    keys.append(message.key)
  }

  mutating func answered(_ key: String, _ place: SimulatedMessage.Place) {
    guard let index = messages[key]?.places.firstIndex(where: { $0.offset == place.offset }) else {
      messages[key]?.places.append(place)
      return
    }
    let known = messages[key]?.places[index].promise ?? .none
    messages[key]?.places[index].promise = max(known, place.promise)
  }

  /// The power was lost: what was promised until then is not any more.
  mutating func losePower() {
    for key in keys {
      for index in messages[key]?.places.indices ?? 0..<0 { messages[key]?.places[index].promise.losePower() }
    }
  }

  /// A start found these on the device. What an answer named and is not among them is not there any more.
  mutating func found(_ isThere: (SimulatedMessage.Place, String) -> Bool) {
    for key in keys {
      guard let places = messages[key]?.places else { continue }
      messages[key]?.places = places.compactMap { place in
        guard isThere(place, key) else { return place.promise == .none ? nil : place }
        var kept = place
        kept.promise = .always
        return kept
      }
    }
  }
}
