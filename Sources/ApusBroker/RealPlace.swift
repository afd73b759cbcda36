import ApusBase
import ApusBrokerCore
import ApusModel

/// Where a message that waited goes: what its properties say, checked.
struct RealPlace: ~Escapable {
  /// The topic.
  let topic: RawSpan
  /// The queue.
  let queueID: Int32

  /// Why a message can go nowhere.
  struct Fault: Error { let reason: String }

  /// Reads REAL_TOPIC and REAL_QID.
  @_lifetime(copy properties)
  init(_ properties: borrowing MessageProperties) throws(Fault) {
    guard let topic = properties.value(of: PropertyName.realTopic) else {
      throw Fault(reason: "it does not say for which topic it is")
    }
    do throws(NameFault) {
      try TopicName.validate(topic)
    } catch {
      throw Fault(reason: "its topic cannot be: \(TopicName.remark(error))")
    }
    guard !topic.equals("RMQ_SYS_TRANS_HALF_TOPIC") else { throw Fault(reason: "half messages are not delayed") }
    guard let id = properties.integer(PropertyName.realQueueID), id >= 0, id < Int64(Topics.queueLimit) else {
      throw Fault(reason: "it does not say for which queue it is")
    }
    self.topic = topic
    queueID = Int32(id)
  }
}
