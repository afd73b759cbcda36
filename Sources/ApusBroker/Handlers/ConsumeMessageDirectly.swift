import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 309: lets a consumer consume one message now, and tells what came of it.
package struct ConsumeMessageDirectlyHandler: RelayingHandler {
  private let targets: RelayTargets
  private let messages: any StoredMessages
  private let broker: String

  /// Takes its parts; `broker` is the broker's name.
  package init(clients: Locked<ClientTable>, messages: any StoredMessages, broker: String) {
    targets = RelayTargets(clients: clients)
    self.messages = messages
    self.broker = broker
  }

  /// Passes the request on with the message.
  package func plan(_ request: Command, from requester: Requester) throws(Refusal) -> Relay {
    let group = try request.text("consumerGroup")
    let clientID = try request.text("clientId")
    let text = try request.text("msgId")
    let id: MessageID
    do throws(DecodeError) {
      id = try MessageID(text)
    } catch {
      throw Refusal(.systemError, "msgId is no offset id of a message: \(text.prefix(64))")
    }
    let record: [UInt8]?
    do throws(DiskError) {
      record = try messages.record(at: id.offset)
    } catch {
      throw Refusals.disk(error)
    }
    guard let record else {
      throw Refusal(.systemError, "look message by offset failed, \(id.offset.rawValue)")
    }
    let fields = (request.fields ?? []).filter { $0.name != "brokerName" } + [ReplyField("brokerName", broker)]
    return try targets.relay(.consumeMessageDirectly, to: clientID, of: group, fields: fields, body: record)
  }
}
