import ApusModel
package import ApusProtocol

extension AdminClient {
  /// 307: how a member of a group is doing, as it says itself, by way of a broker; its threads' stacks when asked for.
  package func runningInfo(
    of clientID: String, group: String, withStacks: Bool, at broker: String
  ) async throws(AdminError) -> ConsumerRunningInfo {
    try await ask(
      GetConsumerRunningInfo.Request(consumerGroup: group, clientID: clientID, withStacks: withStacks), at: broker,
      timeout: .seconds(15), for: ConsumerRunningInfo.self)
  }
}

extension AdminClient {
  /// How a member of a group is doing, by way of the first broker of the group that can be reached.
  func runningInfo(
    of clientID: String, group: String, withStacks: Bool = false
  ) async throws(AdminError) -> ConsumerRunningInfo {
    let brokers = try await brokers(ofGroup: group)
    let answer = try await firstAnswer(of: brokers) { address throws(AdminError) in
      try await runningInfo(of: clientID, group: group, withStacks: withStacks, at: address)
    }
    guard let info = answer else { throw AdminError("the consumer group '\(group)' has no broker") }
    return info
  }
}
