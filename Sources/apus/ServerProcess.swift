import ApusBase
import ApusCommandLine
import ApusHTTP
import ApusModel
import ApusRemoting
import ApusSystem

/// What every server of this program stands on: signals, descriptors, the log, event loops and the remoting server on
/// them.
final class ServerProcess {
  /// How long a start waits for ports and store that another process has. A process that was killed keeps them until
  /// the system has taken its mapped files apart, so that who starts a broker again at once still finds them taken.
  private static let predecessorLimit = Duration.seconds(5)
  /// How long answers may take to leave when the process stops.
  private static let closingLimit = Duration.seconds(5)

  /// As many loops as the machine's processors ask for at most: they are numbered in eight bits, and clients in the
  /// process have numbers too.
  private static let loopLimit = 200

  /// Where everything is logged.
  let log: Logger
  /// The running loops.
  let loops: [EventLoop]
  /// The server on the loops.
  let server: RemotingServer
  /// The addresses of this machine: requests that administer are accepted from them.
  let ownAddresses: [HostAddress]
  /// TLS of connections that this process makes; nil when they are plain.
  let clientTLS: ClientTLS?
  private let tls: ServerTLS
  private let signals: Signals
  private let hasLogFile: Bool
  private let began: MonotonicTime
  private var stopBegan: MonotonicTime?

  /// Prepares the process. To be called once, on the main thread, before any other thread is started. `loopCount` 0
  /// means half the processors. Of the command line it takes `--log`, `--log-level` and what the first line tells.
  init(
    _ arguments: Arguments, loopCount: Int, settings: RemotingSettings, tls tlsSettings: TLSSettings
  ) throws(CommandFailure) {
    let logPath = arguments.text("log")
    let logLevel = try Configuration.logLevel(arguments)
    hasLogFile = logPath != nil
    do throws(TLSError) {
      tls = try ServerTLS(mode: tlsSettings.mode, identity: tlsSettings.server)
      clientTLS = try ClientTLS(tlsSettings)
    } catch {
      throw CommandFailure(.configuration, "TLS: \(error)")
    }
    let limit = try Self.descriptorLimit()
    do throws(SystemError) {
      began = SystemClock.monotonic()
      signals = try Signals()
      try Signals.reportBusErrors()
      log = try Logger(onThreadTo: logPath, level: logLevel)
      log.info(
        "process", "starting",
        [
          "version": Version.number, "role": arguments.command.name, "pid": ProcessIO.processID,
          "configuration": arguments.text("config") ?? "none",
        ])
      if limit.soft < DescriptorLimit.enough {
        log.warning("process", "few descriptors: connections and files are limited", ["limit": "\(limit.soft)"])
      }
      let count = loopCount > 0 ? loopCount : min(max(1, Thread.processorCount / 2), Self.loopLimit)
      var loops: [EventLoop] = []
      for index in 0..<count { loops.append(try EventLoop(index: index, name: "apus-loop-\(index)")) }
      self.loops = loops
      ownAddresses = try SocketAddress.own().map { HostAddress($0) }
      var settings = settings
      settings.connectionLimit = limit.connections
      server = RemotingServer(loops: loops, settings: settings, tls: tls, log: log)
      for warning in tlsSettings.warnings { log.warning("config", warning) }
      try tls.startWatching(log: log)
      for loop in loops { try loop.start() }
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
  }

  /// As many descriptors as the process may have; refuses to work with so few that files could not be opened.
  private static func descriptorLimit() throws(CommandFailure) -> DescriptorLimit {
    let limit: DescriptorLimit
    do throws(SystemError) { limit = try DescriptorLimit.raise() } catch { throw CommandFailure(.failure, "\(error)") }
    guard limit.soft >= DescriptorLimit.least else {
      throw CommandFailure(
        .failure,
        "only \(limit.soft) descriptors may be open, \(DescriptorLimit.least) must be: raise the limit (ulimit -n)"
      )
    }
    return limit
  }

  /// Runs a role to its end, and writes what waits for the log. Why a role failed is in the log file too: who reads it
  /// afterwards may not have what standard error said.
  func run(_ role: () throws(CommandFailure) -> Void) throws(CommandFailure) {
    defer { log.flush() }
    do throws(CommandFailure) {
      try role()
    } catch {
      if hasLogFile {
        log.error("process", "ending, as it failed", ["exitCode": error.status.rawValue, "cause": error.message])
      }
      throw error
    }
  }

  /// The address that a host name or address in text stands for, to bind to.
  static func address(_ host: String, port: Int) throws(CommandFailure) -> SocketAddress {
    precondition((0...65_535).contains(port), "a port has 16 bits")
    do throws(SystemError) {
      let host = host.isEmpty ? "0.0.0.0" : host
      return try SocketAddress.resolve(host, port: UInt16(port), forBinding: true)[0]
    } catch {
      throw CommandFailure(.configuration, "cannot listen on \(host): \(error)")
    }
  }

  /// Takes a port for a service. The result has the port that the system chose when 0 was asked for.
  func bind(_ address: SocketAddress, service: any RemotingService) throws(CommandFailure) -> HostAddress {
    try awaitingPredecessor { () throws(CommandFailure) in
      do throws(SystemError) {
        return try server.bind(address, service: service).address
      } catch {
        throw Self.failure(error, listeningOn: address)
      }
    }
  }

  /// Takes a port for metrics and probes, served by the first loop.
  func bindHTTP(_ address: SocketAddress, service: any HTTPService) throws(CommandFailure) -> HTTPServer {
    do throws(SystemError) {
      return try HTTPServer(on: address, service: service, loop: loops[0], log: log)
    } catch {
      throw Self.failure(error, listeningOn: address)
    }
  }

  /// Fails when another process listens on an address, without taking it.
  func requireFree(_ address: SocketAddress) throws(CommandFailure) {
    try awaitingPredecessor { () throws(CommandFailure) in
      do throws(SystemError) {
        Socket.close(try Socket.listen(on: address))
      } catch {
        throw Self.failure(error, listeningOn: address)
      }
    }
  }

  /// Takes a port or a store; when another process has it, tries until that has ended or for five seconds.
  func awaitingPredecessor<Taken>(
    _ take: () throws(CommandFailure) -> Taken
  ) throws(CommandFailure) -> Taken {
    let deadline = SystemClock.monotonic() + Self.predecessorLimit
    let pause = WakeUp()
    var isReported = false
    while true {
      do throws(CommandFailure) {
        return try take()
      } catch {
        let isTaken = error.status == .portInUse || error.status == .storeInUse
        guard isTaken, SystemClock.monotonic() < deadline else { throw error }
        if !isReported { log.info("process", "waiting for another process to end", ["because": error.message]) }
        isReported = true
        pause.wait(until: SystemClock.monotonic() + .milliseconds(10))
      }
    }
  }

  private static func failure(_ error: SystemError, listeningOn address: SocketAddress) -> CommandFailure {
    error.isPortInUse
      ? CommandFailure(.portInUse, "another process listens on \(address); stop it or choose another port")
      : CommandFailure(.failure, "\(error)")
  }

  /// A port that is free at this moment, and so is the one two below it.
  static func freePortPair(on address: SocketAddress) throws(CommandFailure) -> UInt16 {
    for _ in 0..<64 {
      do throws(SystemError) {
        let upper = try Socket.listen(on: address)
        defer { Socket.close(upper) }
        var below = try Socket.localAddress(upper)
        let port = below.port
        guard port > 1026 else { continue }
        below.port = port - 2
        Socket.close(try Socket.listen(on: below))
        return port
      } catch {
        if !error.isPortInUse { throw CommandFailure(.failure, "\(error)") }
      }
    }
    throw CommandFailure(.portInUse, "no two free ports were found on \(address.host)")
  }

  /// Says that the process is ready and with which addresses and store: in the log, whose lines are written first, and
  /// on standard output for who started it.
  func announce(_ what: String) {
    let took = Self.text(since: began)
    log.info("process", "ready", ["version": Version.number, "after": took, "with": what])
    log.flush()
    ProcessIO.write("apus \(Version.number) ready in \(took): \(what)\n", to: .standardOutput)
  }

  /// Waits until the process is asked to stop. SIGHUP asks for that only when there is no log file; else it says that
  /// the file was moved away and is to be opened anew.
  func waitForStop() throws(CommandFailure) {
    do throws(SystemError) {
      var signal = try signals.wait()
      while signal == .hangUp, hasLogFile {
        log.reopen()
        log.info("process", "log file opened anew")
        signal = try signals.wait()
      }
      stopBegan = SystemClock.monotonic()
      log.info("process", "stopping", ["signal": signal])
    } catch {
      throw CommandFailure(.failure, "\(error)")
    }
  }

  /// Reads no more requests; what was read is still answered.
  func quiesce() { server.quiesce() }

  /// Sends what has been answered and closes all connections.
  func closeConnections() { server.close(within: Self.closingLimit) }

  /// Ends the loops. Nothing may be asked of them any more.
  func end() {
    tls.stopWatching()
    for loop in loops { loop.stop() }
    for loop in loops { loop.join() }
    log.info("process", "stopped", ["after": Self.text(since: stopBegan ?? began)])
  }

  /// How long something took, rounded up to whole milliseconds.
  private static func text(since time: MonotonicTime) -> String {
    "\((SystemClock.monotonic() - time).milliseconds + 1) ms"
  }
}
