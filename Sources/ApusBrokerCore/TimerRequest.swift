package import ApusBase
package import ApusModel

/// What a message asks for by the properties of RocketMQ 5's timers: to be delivered at a time, or to cancel one that
/// waits.
///
/// TIMER_DELAY_SEC counts before TIMER_DELAY_MS, that before TIMER_DELIVER_MS, that before __STARTDELIVERTIME of other
/// clients. A message with TIMER_OUT_MS has waited already and is delivered.
///
/// Source:
/// apache/rocketmq@rocketmq-all-5.3.0:broker/src/main/java/org/apache/rocketmq/broker/util/HookUtils.java
/// (`transformTimerMessage`). Deviations: the time is kept to the millisecond, RocketMQ goes to the second before;
/// a refusal names the property; a message that cancels needs no time, and finds what waits whatever its time.
package enum TimerRequest: Hashable, Sendable {
  /// To be delivered at this time, which lies ahead.
  case deliver(at: WallTime)
  /// To be delivered at once: its time has come, or it has waited already.
  case immediate
  /// To cancel the waiting message whose ``TimerKey`` this is.
  case cancel(key: UInt64)

  /// The most that `timerMaxDelaySec` may allow: 40 days, in milliseconds.
  package static let longestDelay: Int64 = 40 * 86_400_000

  /// Which timers are accepted.
  package struct Rules: Hashable, Sendable {
    /// `timerWheelEnable`
    package var isEnabled = true
    /// `timerMaxDelaySec`, in milliseconds.
    package var longestDelay = TimerRequest.longestDelay
    /// `timerPendingLimit`
    package var pendingLimit = 10_000_000

    /// The defaults.
    package init() {}
  }

  /// Why a message is refused.
  package enum Fault: Error, Hashable, Sendable {
    /// Timers are switched off.
    case disabled
    /// A property is no number of milliseconds or seconds.
    case notANumber(property: String, value: String)
    /// The message would wait longer than is allowed.
    case tooLate(property: String, value: String, limitSeconds: Int64)
    /// A message that cancels names a time that has passed.
    case cancelsThePast(property: String)

    /// One line for whoever sent it.
    package var remark: String {
      switch self {
      case .disabled: "accurate timer message is not enabled, timerWheelEnable is false"
      case .notANumber(let property, let value): "the property \(property) is no number: \(value)"
      case .tooLate(let property, let value, let limit):
        "timer message illegal, \(property)=\(value) is later than timerMaxDelaySec=\(limit) allows"
      case .cancelsThePast(let property):
        "timer message illegal, \(property) of a message with TIMER_DEL_UNIQKEY should be later than now"
      }
    }
  }

  /// Reads what a message of `topic` asks for at `now`; nil when it has no such property.
  package static func read(
    _ properties: borrowing MessageProperties, topic: RawSpan, rules: Rules, now: WallTime
  ) throws(Fault) -> TimerRequest? {
    if properties.contains(PropertyName.timerOut) { return .immediate }
    let asked = try due(properties, now: now)
    let cancelled = properties.value(of: PropertyName.timerCancelledKey)
    guard asked != nil || cancelled != nil else { return nil }
    guard rules.isEnabled else { throw .disabled }
    if let asked, asked.due.milliseconds > now.milliseconds &+ rules.longestDelay {
      throw .tooLate(property: asked.property, value: asked.value, limitSeconds: rules.longestDelay / 1000)
    }
    guard let cancelled else {
      guard let asked, asked.due > now else { return .immediate }
      return .deliver(at: asked.due)
    }
    if let asked, asked.due <= now { throw .cancelsThePast(property: asked.property) }
    return .cancel(key: key(cancelled, topic: topic))
  }

  /// RocketMQ 5.3 names `TOPIC+KEY`, earlier ones the key alone.
  package static func key(_ name: RawSpan, topic: RawSpan) -> UInt64 {
    let isJoined =
      name.byteCount > topic.byteCount + 1 && name.byte(at: topic.byteCount) == UInt8(ascii: "+")
      && name.extracting(0..<topic.byteCount).text == topic.text
    return isJoined ? TimerKey.hash(joined: name) : TimerKey.hash(topic: topic, key: name)
  }

  private struct Asked {
    var property: String
    var value: String
    var due: WallTime
  }

  private static func due(_ properties: borrowing MessageProperties, now: WallTime) throws(Fault) -> Asked? {
    for (name, unit) in [
      (PropertyName.timerDelaySeconds, 1000), (PropertyName.timerDelayMilliseconds, 1), (PropertyName.timerDeliver, 0),
      (PropertyName.startDeliverTime, 0),
    ] as [(StaticString, Int64)] {
      guard let value = properties.value(of: name) else { continue }
      guard let number = Int64(value.text) else {
        throw .notANumber(property: "\(name)", value: String(value.text.prefix(64)))
      }
      // So far away in either direction that no sum matters.
      let (product, overflow) = number.multipliedReportingOverflow(by: max(unit, 1))
      let bounded = overflow ? (number < 0 ? Int64.min / 4 : Int64.max / 4) : product
      let distance = min(max(bounded, Int64.min / 4), Int64.max / 4)
      let due = unit == 0 ? distance : now.milliseconds &+ distance
      return Asked(
        property: "\(name)", value: String(value.text.prefix(64)), due: WallTime(milliseconds: due))
    }
    return nil
  }
}
