/// What one event loop did since it last handed its numbers over: plain additions to arrays, so that counting a message
/// costs nothing that shows. Every loop has its own; ``BrokerStats/absorb(_:)`` empties it into the history.
package struct Traffic: Sendable {
  /// Messages and bytes.
  package struct Flow: Hashable, Sendable {
    /// Messages.
    package var messages: Int64 = 0
    /// Stored bytes of these messages.
    package var bytes: Int64 = 0
    /// Sends or pulls that they came with.
    package var requests: Int64 = 0

    /// Starts at nothing.
    package init() {}

    fileprivate var isZero: Bool { messages == 0 && bytes == 0 }
  }

  /// What is counted now and then, or by queue.
  package struct Counter: Hashable, Sendable {
    /// What is counted.
    package enum Kind: UInt8, Sendable {
      /// Milliseconds that pulls of a queue took, and how many they were.
      case latency
      /// Messages that a group gave back.
      case sentBack
      /// Messages that a group got from the device.
      case diskMessages
      /// Their bytes.
      case diskBytes
    }

    /// What is counted.
    package var kind: Kind
    /// Topic and group, by ``BrokerStats/pair(topic:group:)``.
    package var pair: Int32
    /// The queue, where it matters.
    package var queue: Int32 = 0
  }

  /// A sum and how often it was added to.
  package struct Count: Hashable, Sendable {
    /// The sum.
    package var value: Int64 = 0
    /// How often.
    package var times: Int64 = 0
  }

  /// Requests by how they ended.
  package struct Totals: Hashable, Sendable {
    /// Stored messages and their bytes.
    package var put = Flow()
    /// Sends that were refused or failed.
    package var putFailures: Int64 = 0
    /// Messages and bytes given to consumers.
    package var got = Flow()
    /// Pulls that found something.
    package var pullsFound: Int64 = 0
    /// Pulls that found nothing.
    package var pullsMissed: Int64 = 0
    /// The longest a store operation of a send took, in milliseconds.
    package var slowestPutMilliseconds: Int64 = 0
    /// The longest a store operation of a pull took, in milliseconds.
    package var slowestGetMilliseconds: Int64 = 0

    /// Starts at nothing.
    package init() {}
  }

  /// All requests together.
  package var totals = Totals()
  /// How long it took to put messages into the log.
  package var putTimes = PutTimes()
  /// By the topic's number.
  package private(set) var putByTopic: [Flow] = []
  /// By the number of topic and group together, ``BrokerStats/pair(topic:group:)``.
  package private(set) var gotByPair: [Flow] = []
  fileprivate var counts: [Counter: Count] = [:]
  fileprivate var touchedTopics: [Int32] = []
  fileprivate var touchedPairs: [Int32] = []

  /// Starts at nothing.
  package init() {}

  /// `messages` were stored in a topic, with `bytes` in the log.
  package mutating func put(topic: Int32, messages: Int64, bytes: Int64) {
    totals.put.messages += messages
    totals.put.bytes += bytes
    Self.add(messages, bytes, at: topic, to: &putByTopic, &touchedTopics)
  }

  /// Putting a message or a batch into the log took so long.
  package mutating func putTook(nanoseconds: Int64) {
    putTimes.add(nanoseconds: nanoseconds)
    totals.slowestPutMilliseconds = max(totals.slowestPutMilliseconds, nanoseconds / 1_000_000)
  }

  /// Finding the messages of a pull of a queue and copying them took so long.
  package mutating func pullTook(nanoseconds: Int64, pair: Int32, queue: Int32) {
    let milliseconds = nanoseconds / 1_000_000
    totals.slowestGetMilliseconds = max(totals.slowestGetMilliseconds, milliseconds)
    count(Counter(kind: .latency, pair: pair, queue: queue), milliseconds)
  }

  /// A group gave a message back.
  package mutating func sentBack(pair: Int32) { count(Counter(kind: .sentBack, pair: pair), 1) }

  /// What a pull gave to a group lies further back than memory reaches.
  package mutating func gotFromDisk(pair: Int32, messages: Int64, bytes: Int64) {
    count(Counter(kind: .diskMessages, pair: pair), messages)
    count(Counter(kind: .diskBytes, pair: pair), bytes)
  }

  private mutating func count(_ counter: Counter, _ value: Int64) {
    counts[counter, default: Count()].value += value
    counts[counter, default: Count()].times += 1
  }

  /// A pull gave `messages` with `bytes` to a group.
  package mutating func got(pair: Int32, messages: Int64, bytes: Int64) {
    totals.pullsFound += 1
    totals.got.messages += messages
    totals.got.bytes += bytes
    Self.add(messages, bytes, at: pair, to: &gotByPair, &touchedPairs)
  }

  private static func add(
    _ messages: Int64, _ bytes: Int64, at index: Int32, to flows: inout [Flow], _ touched: inout [Int32]
  ) {
    let index = Int(index)
    if index >= flows.count { flows.append(contentsOf: repeatElement(Flow(), count: index + 1 - flows.count)) }
    if flows[index].isZero { touched.append(Int32(index)) }
    flows[index].messages += messages
    flows[index].bytes += bytes
    flows[index].requests += 1
  }

  /// Hands out what is not zero and starts again at nothing; keeps the memory.
  fileprivate mutating func drain(
    topic: (Int32, Flow) -> Void, pair: (Int32, Flow) -> Void, counter: (Counter, Count) -> Void
  ) {
    for (key, count) in counts { counter(key, count) }
    counts.removeAll(keepingCapacity: true)
    for index in touchedTopics {
      topic(index, putByTopic[Int(index)])
      putByTopic[Int(index)] = Flow()
    }
    for index in touchedPairs {
      pair(index, gotByPair[Int(index)])
      gotByPair[Int(index)] = Flow()
    }
    touchedTopics.removeAll(keepingCapacity: true)
    touchedPairs.removeAll(keepingCapacity: true)
    totals = Totals()
    if putTimes.count > 0 { putTimes = PutTimes() }
  }
}

extension BrokerStats {
  /// Takes over what a loop counted and sets the loop's numbers back to nothing.
  package mutating func absorb(_ traffic: inout Traffic) {
    addTotals(traffic.totals)
    addPutTimes(traffic.putTimes)
    traffic.drain(
      topic: { index, flow in addPut(topic: index, flow) },
      pair: { index, flow in addGot(pair: index, flow) },
      counter: { counter, count in add(counter, count) })
  }
}
