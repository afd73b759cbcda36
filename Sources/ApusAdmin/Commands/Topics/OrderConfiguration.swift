/// How many queues each broker group has of a topic whose order counts: `broker-a:4;broker-b:4`, kept at the name
/// servers.
struct OrderConfiguration: Hashable, Sendable {
  /// The namespace of the name servers' key-value configuration that they are in.
  static let namespace = "ORDER_TOPIC_CONFIG"

  private var entries: [(name: String, text: String)] = []

  /// Reads the text. What is not of the form is kept as it stands.
  init(_ text: String) {
    for entry in text.split(separator: ";") {
      entries.append((String(entry.prefix { $0 != ":" }), String(entry)))
    }
  }

  /// The number of queues of a broker group.
  subscript(brokerName: String) -> Int32? {
    get {
      guard let entry = entries.first(where: { $0.name == brokerName }) else { return nil }
      return entry.text.lastIndex(of: ":").flatMap { Int32(entry.text[entry.text.index(after: $0)...]) }
    }
    set {
      entries.removeAll { $0.name == brokerName }
      if let newValue { entries.append((brokerName, "\(brokerName):\(newValue)")) }
    }
  }

  /// The names of the broker groups.
  var brokerNames: [String] { entries.map(\.name) }

  /// The text.
  var text: String { entries.map(\.text).joined(separator: ";") }

  static func == (left: OrderConfiguration, right: OrderConfiguration) -> Bool { left.text == right.text }
  func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension AdminSession {
  /// Puts an order configuration in the place of the one of the topic.
  func putOrder(_ order: OrderConfiguration, of topic: String) async throws(AdminError) {
    try await putValue(order.text, of: topic, in: OrderConfiguration.namespace)
  }

  /// Puts entries into the order configuration of a topic, at each name server into its own: one that has lost its
  /// configuration must not have the others lose what they know of other brokers.
  func addOrder(_ order: OrderConfiguration, of topic: String) async throws(AdminError) {
    let namespace = OrderConfiguration.namespace
    try await each(client.nameServers) { server throws(AdminError) in
      let known = try await client.value(of: topic, in: namespace, atNameServer: server)
      var all = OrderConfiguration(known ?? "")
      for name in order.brokerNames { all[name] = order[name] }
      try await client.putValue(all.text, of: topic, in: namespace, atNameServer: server)
    }
  }
}
