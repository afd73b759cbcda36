import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

extension MessageClient {
  /// Has brokers look at the conditions of a group's subscriptions, as only they can read them. Throws what they
  /// refuse; where none can be asked now, pulls tell later.
  func check(_ subscriptions: [SubscriptionData], of group: String) async throws(ClientError) {
    for subscription in subscriptions where subscription.expressionType != SubscriptionData.tagExpression {
      do throws(ClientError) {
        guard let queue = try await runtime.routes.route(subscription.topic).readQueues.randomElement() else {
          continue
        }
        let wish = CheckClientConfig(clientID: clientID, group: group, subscription: subscription)
        _ = try await runtime.ask(ClientConfigCheck(wish), at: try await runtime.anyMember(of: queue))
      } catch {
        guard error.responseCode == nil || error.code == .unknownTopic || error.code == .busy else { throw error }
        runtime.warn("a condition was not checked", "topic", subscription.topic, cause: error)
      }
    }
  }
}

/// 46 CHECK_CLIENT_CONFIG as this client sends it.
struct ClientConfigCheck: OutgoingRequest {
  static var code: RequestCode { .checkClientConfig }
  let body: [UInt8]

  init(_ wish: CheckClientConfig) { body = wish.bytes() }
}
