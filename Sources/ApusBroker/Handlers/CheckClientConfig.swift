import ApusBase
import ApusFilter
package import ApusProtocol
package import ApusSystem

/// Code 46: a consumer asks whether the broker can filter by its condition. A condition that cannot be read is refused
/// with what is wrong and where.
package struct CheckClientConfigHandler: RequestHandler {
  private let settings: Locked<BrokerSettings>

  /// Takes its parts.
  package init(settings: Locked<BrokerSettings>) { self.settings = settings }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    guard !request.body.isEmpty else { return Reply() }
    let body: CheckClientConfig
    do throws(DecodeError) {
      body = try CheckClientConfig(bytes: request.body)
    } catch {
      throw Refusals.body(error)
    }
    guard let data = body.subscription, !data.isTagExpression else { return Reply() }
    guard settings.withLock({ $0.serving.filtersByProperties }) else {
      throw Refusals.filterType(data.expressionType)
    }
    guard data.expressionType == SubscriptionData.sqlExpression else { throw Refusals.language(data.expressionType) }
    do throws(SQLFault) {
      _ = try SQLExpression(data.expression)
    } catch {
      throw Refusals.condition(error)
    }
    return Reply()
  }
}
