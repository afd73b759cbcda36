import ApusCommandLine

/// `updateOrderConf`: shows, sets or removes how many queues each broker group has of a topic whose order counts.
struct UpdateOrderConfCommand: AdminCommand {
  static let description = admin(
    "updateOrderConf", "Show, set or remove a topic's order configuration.",
    options: [
      CommonOption.topic(),
      Option("orderConf", "v", value: "NAME:N;NAME:N…", help: "With put: the queues of each broker group."),
      Option("method", "m", value: "get|put|delete", required: true, help: "What to do."),
    ], destroys: "with delete: delete the topic's order configuration")

  private enum Method: String {
    case get, put, delete
  }

  private let topic: String
  private let method: Method
  private let order: OrderConfiguration

  init(_ arguments: Arguments) throws(CommandFailure) {
    topic = try arguments.required("topic")
    let text = try arguments.required("method")
    guard let method = Method(rawValue: text) else {
      throw arguments.failure("option '--method' takes get, put or delete, not '\(text)'")
    }
    self.method = method
    order = OrderConfiguration(method == .put ? try arguments.required("orderConf") : "")
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    switch method {
    case .get:
      let found = try await session.client.value(of: topic, in: OrderConfiguration.namespace)
      guard let text = found else { throw notFound }
      say("get", text, session)
    case .put:
      try await session.putOrder(order, of: topic)
      say("update", order.text, session)
    case .delete:
      try session.confirm("delete the order configuration of the topic '\(topic)' at all name servers")
      guard try await session.deleteValue(of: topic, in: OrderConfiguration.namespace) else { throw notFound }
      session.say("delete orderConf success. topic=[\(topic)]", ["topic": .text(topic), "result": "deleted"])
    }
  }

  private var notFound: AdminError { AdminError("the topic '\(topic)' has no order configuration") }

  private func say(_ what: String, _ order: String, _ session: AdminSession) {
    session.say(
      "\(what) orderConf success. topic=[\(topic)], orderConf=[\(order)]",
      ["topic": .text(topic), "orderConf": .text(order)])
  }
}
