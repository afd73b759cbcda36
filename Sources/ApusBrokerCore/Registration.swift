package import ApusBase

/// When a broker tells which name server what: pure, with time as an argument. The shell carries the actions out and
/// reports how each call ended.
///
/// Every name server is dealt with on its own, all in parallel: at the start, 10 seconds after it, then every period;
/// at once when topics change. With `forceRegister` off a periodic round asks for the data version first (code 322)
/// and registers only where it differs. At most one call is under way to a name server; changes that fall into it are
/// covered by one more registration after it.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:broker/src/main/java/org/apache/rocketmq/broker/BrokerController.java
/// (`registerBrokerAll`, `start`). Deviations:
/// - A changed topic registers all topics, where code 17 makes Java register that topic alone: a name server that lost
///   its table in between would take the new data version for a complete table and never ask for the others.
/// - A name server that could not be reached is tried again after 1, 2, 4 … seconds instead of after the period, and
///   one whose connection was lost after 1 second: it has forgotten this broker by then.
/// - What name servers answer is taken from the first configured one that answers rather than from the first to answer,
///   so that name servers that disagree do not flip the broker's settings.
package struct Registration: Sendable {
  /// How a broker registers.
  package struct Settings: Hashable, Sendable {
    /// From one round to the next; 10…60 s, other values count as the nearer bound (`registerNameServerPeriod`).
    package var period: Duration
    /// Whether a round registers without asking for the data version first (`forceRegister`).
    package var isForced: Bool

    /// Sets up registration, with Java's defaults.
    package init(period: Duration = .seconds(30), isForced: Bool = true) {
      self.period = min(max(period, .seconds(10)), .seconds(60))
      self.isForced = isForced
    }
  }

  /// What a name server told the broker in its answer to a registration.
  package struct Answer: Hashable, Sendable {
    /// Where the master of this replica listens for clients; nil for a master and while the master is unknown.
    package var masterAddress: String?
    /// Where it listens for replicas.
    package var haServerAddress: String?
    /// Topic to order configuration; nil when the name server has none.
    package var orderTopics: [String: String]?

    /// Describes an answer.
    package init(masterAddress: String? = nil, haServerAddress: String? = nil, orderTopics: [String: String]? = nil) {
      self.masterAddress = masterAddress
      self.haServerAddress = haServerAddress
      self.orderTopics = orderTopics
    }
  }

  /// What is to be done.
  package enum Action: Hashable, Sendable {
    /// Ask a name server whether it knows the present data version (code 322).
    case compareVersion(nameServer: String)
    /// Register all topics with a name server (code 103).
    case register(nameServer: String)
    /// Leave a name server (code 104). How that call ends is not reported.
    case unregister(nameServer: String)
    /// Take over what the name servers say.
    case adopt(Answer)
  }

  /// How long a call to a name server may take, by default (`registerBrokerTimeoutMills`).
  package static let defaultTimeout: Duration = .seconds(6)
  private static let firstRound: Duration = .seconds(10)
  private static let firstRetry: Duration = .seconds(1)

  private enum Call {
    case none
    case comparing
    case registering
  }

  private struct NameServer {
    var address: String
    var due: MonotonicTime
    var call = Call.none
    /// Whether topics changed since the call under way was made.
    var isStale = false
    /// Whether the next round must not be satisfied with an equal data version.
    var mustRegister = true
    /// Whether it has answered a registration: the second one follows the first sooner than the period.
    var hadRound = false
    var failureCount = 0
    var answer: Answer?
  }

  private let settings: Settings
  private var nameServers: [NameServer] = []
  private var adopted: Answer?
  private var isRunning = false

  /// Sets up registration; nothing happens before `start`.
  package init(settings: Settings = Settings()) { self.settings = settings }

  /// When `tick` has something to do next; nil while everything waits for answers or nothing runs.
  package var nextDue: MonotonicTime? {
    isRunning ? nameServers.lazy.filter { $0.call == .none }.map(\.due).min() : nil
  }

  /// The broker is ready to serve: registers everywhere.
  package mutating func start(nameServers addresses: [String], now: MonotonicTime) -> [Action] {
    precondition(!isRunning, "registration is already running")
    isRunning = true
    return replaceNameServers(addresses, now: now)
  }

  /// The list of name servers is another one: registers with the new ones, forgets the others.
  package mutating func replaceNameServers(_ addresses: [String], now: MonotonicTime) -> [Action] {
    guard isRunning else { return [] }
    var unique: Set<String> = []
    nameServers = addresses.filter { unique.insert($0).inserted }.map { address in
      nameServers.first { $0.address == address } ?? NameServer(address: address, due: now)
    }
    return tick(now: now) + adoption()
  }

  /// Time has passed: begins the rounds that are due.
  package mutating func tick(now: MonotonicTime) -> [Action] {
    guard isRunning else { return [] }
    var actions: [Action] = []
    for index in nameServers.indices where nameServers[index].call == .none && nameServers[index].due <= now {
      actions.append(begin(index, mustRegister: nameServers[index].mustRegister || settings.isForced))
    }
    return actions
  }

  /// A topic was created, changed or deleted, or the broker's permission changed: registers at once.
  package mutating func topicsChanged() -> [Action] {
    guard isRunning else { return [] }
    var actions: [Action] = []
    for index in nameServers.indices {
      if nameServers[index].call == .none {
        actions.append(begin(index, mustRegister: true))
      } else {
        nameServers[index].isStale = true
      }
    }
    return actions
  }

  /// The answer to `.compareVersion` came.
  package mutating func compared(nameServer: String, isChanged: Bool, now: MonotonicTime) -> [Action] {
    guard let index = index(of: nameServer, in: .comparing) else { return [] }
    if isChanged || nameServers[index].isStale { return [begin(index, mustRegister: true)] }
    succeeded(index, next: now + settings.period)
    return []
  }

  /// The answer to `.register` came.
  package mutating func registered(nameServer: String, _ answer: Answer, now: MonotonicTime) -> [Action] {
    guard let index = index(of: nameServer, in: .registering) else { return [] }
    nameServers[index].answer = answer
    nameServers[index].mustRegister = false
    let wait = nameServers[index].hadRound ? settings.period : Self.firstRound
    nameServers[index].hadRound = true
    succeeded(index, next: now + min(wait, settings.period))
    let again = nameServers[index].isStale ? [begin(index, mustRegister: true)] : []
    return adoption() + again
  }

  /// The call under way failed or took too long.
  package mutating func failed(nameServer: String, now: MonotonicTime) -> [Action] {
    guard let index = nameServers.firstIndex(where: { $0.address == nameServer }), nameServers[index].call != .none
    else {
      return []
    }
    if nameServers[index].call == .registering || nameServers[index].isStale { nameServers[index].mustRegister = true }
    nameServers[index].call = .none
    nameServers[index].answer = nil
    let shift = min(nameServers[index].failureCount, 6)
    nameServers[index].failureCount += 1
    nameServers[index].due = now + min(Self.firstRetry * (1 << shift), settings.period)
    return adoption()
  }

  /// The connection to a name server ended, and with it what the name server knew of this broker.
  package mutating func connectionLost(nameServer: String, now: MonotonicTime) {
    guard let index = nameServers.firstIndex(where: { $0.address == nameServer }) else { return }
    nameServers[index].mustRegister = true
    nameServers[index].due = min(nameServers[index].due, now + Self.firstRetry)
  }

  /// The broker shuts down: leaves every name server. Nothing happens after that.
  package mutating func stop() -> [Action] {
    guard isRunning else { return [] }
    isRunning = false
    let actions = nameServers.map { Action.unregister(nameServer: $0.address) }
    nameServers = []
    return actions
  }

  private func index(of address: String, in call: Call) -> Int? {
    nameServers.firstIndex { $0.address == address && $0.call == call }
  }

  private mutating func begin(_ index: Int, mustRegister: Bool) -> Action {
    nameServers[index].call = mustRegister ? .registering : .comparing
    nameServers[index].isStale = false
    let address = nameServers[index].address
    return mustRegister ? .register(nameServer: address) : .compareVersion(nameServer: address)
  }

  private mutating func succeeded(_ index: Int, next: MonotonicTime) {
    nameServers[index].call = .none
    nameServers[index].failureCount = 0
    nameServers[index].due = next
  }

  /// The answer that counts, if it is not the one adopted last.
  private mutating func adoption() -> [Action] {
    guard let answer = nameServers.lazy.compactMap(\.answer).first, answer != adopted else { return [] }
    adopted = answer
    return [.adopt(answer)]
  }
}
