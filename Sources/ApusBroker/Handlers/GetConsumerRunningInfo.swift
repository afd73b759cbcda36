package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 307: how a consumer is doing, as it says itself.
package struct GetConsumerRunningInfoHandler: RelayingHandler {
  private let targets: RelayTargets

  /// Takes its parts.
  package init(clients: Locked<ClientTable>) { targets = RelayTargets(clients: clients) }

  /// Passes the request on as it is.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let group = try request.text("consumerGroup")
    return try targets.relay(
      .getConsumerRunningInfo, to: try request.text("clientId"), of: group, fields: request.fields ?? [],
      body: request.body)
  }
}
