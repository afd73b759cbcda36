import ApusBase
import ApusBroker
import ApusClient
import ApusCommandLine
import ApusNameServer
import ApusRemoting
import ApusSystem
import Foundation
import Testing

@testable import apus

@Suite struct ConfigurationTests {
  private func arguments(_ line: String) throws -> Arguments {
    guard case .run(let arguments) = try Invocation(commandLine: line.split(separator: " ").map(String.init)) else {
      throw CommandFailure(.failure, "not a command: \(line)")
    }
    return arguments
  }

  private func serve(_ line: String, _ file: [PropertiesFile.Entry] = []) throws -> PropertiesFile {
    try Configuration.serve(arguments("apus serve \(line)"), file: PropertiesFile(file), machineAddress: "10.1.2.3")
  }

  @Test func `serve keeps to this machine unless told otherwise`() throws {
    let properties = try serve("")
    #expect(properties["bindAddress"] == "127.0.0.1")
    #expect(properties["brokerIP1"] == "127.0.0.1")
    #expect(properties["storePathRootDir"] == "./apus-data")
    #expect(properties["listenPort"] == nil)
  }

  @Test func `options stand above the file and the file above the defaults of serve`() throws {
    let file = [
      PropertiesFile.Entry("bindAddress", "10.0.0.1"), .init("brokerIP1", "host.a"), .init("listenPort", "7"),
      .init("storePathRootDir", "/a"),
    ]
    let fromFile = try serve("", file)
    #expect(fromFile["bindAddress"] == "10.0.0.1" && fromFile["brokerIP1"] == "host.a")
    #expect(fromFile["listenPort"] == "7" && fromFile["storePathRootDir"] == "/a")
    let told = try serve("--bind 127.0.0.2 --advertise host.b --broker-port 0 --store /b", file)
    #expect(told["bindAddress"] == "127.0.0.2" && told["brokerIP1"] == "host.b")
    #expect(told["listenPort"] == "0" && told["storePathRootDir"] == "/b")
  }

  @Test func `as many loops may be told by an option as by the key`() throws {
    #expect(try serve("--loops 200")["loops"] == "200")
    let broker = try Configuration.broker(arguments("mqbroker --loops 65"), file: PropertiesFile())
    #expect(broker["loops"] == "65")
    #expect(throws: CommandFailure.self) { _ = try serve("--loops 201") }
  }

  @Test(arguments: [("", LogLevel.info), ("--log-level debug", .debug), ("--log-level=error", .error)])
  func `every server logs from INFO on unless told otherwise`(options: String, level: LogLevel) throws {
    for server in ["serve", "broker", "namesrv"] {
      #expect(try Configuration.logLevel(arguments("apus \(server) \(options)")) == level)
    }
  }

  @Test func `a level that is none is a fault of the command line that names those there are`() throws {
    let loud = try arguments("apus broker --log-level loud")
    let message =
      "broker: option '--log-level' takes debug, info, warning or error, not 'loud'; "
      + "'apus broker --help' lists what there is"
    #expect(throws: CommandFailure(.usage, message)) { _ = try Configuration.logLevel(loud) }
  }

  @Test func `metrics are off unless asked for and served where the broker listens unless told otherwise`() throws {
    let machine = try Configuration.machine()
    let off = try Configuration.settings(serve(""), machine: machine)
    #expect(off.process.metricsPort == 0)
    let told = try Configuration.settings(serve("--http-port 5557 --bind 127.0.0.3"), machine: machine)
    #expect(told.process.metricsPort == 5557 && told.process.metricsHost == "127.0.0.3")
    let file = [
      PropertiesFile.Entry("metricsPromExporterPort", "1"),
      PropertiesFile.Entry("metricsPromExporterHost", "127.0.0.9"),
    ]
    let written = try Configuration.settings(serve("", file), machine: machine)
    #expect(written.process.metricsPort == 1 && written.process.metricsHost == "127.0.0.9")
    #expect(throws: CommandFailure.self) { _ = try serve("--http-port 65536") }
  }

  @Test func `connections have the limits and buffers of the settings`() throws {
    let file = [
      PropertiesFile.Entry("serverSocketSndBufSize", "65535"), .init("serverSocketRcvBufSize", "32768"),
      .init("serverSocketBacklog", "64"), .init("serverChannelMaxIdleTimeSeconds", "30"),
    ]
    let settings = try Configuration.settings(serve("", file), machine: try Configuration.machine())
    let limits = RemotingSettings(settings)
    #expect(limits.socketSendBuffer == 65_535 && limits.socketReceiveBuffer == 32_768)
    #expect(limits.backlog == 64 && limits.idleLimit == .seconds(30))
  }

  @Test(arguments: ["--bind=", "--store=", "--advertise="])
  func `an empty address or directory, as from a variable that is not set, is refused`(option: String) throws {
    let broker = try arguments("apus broker \(option)")
    for failure in [
      #expect(throws: CommandFailure.self) { _ = try serve(option) },
      #expect(throws: CommandFailure.self) { _ = try Configuration.broker(broker, file: PropertiesFile()) },
    ] {
      #expect(failure?.status == .usage)
      #expect(failure?.message.contains("option '\(option.dropLast())' is empty") == true)
    }
  }

  @Test func `an empty address in the file of serve does not open it to everybody`() throws {
    #expect(try serve("", [.init("bindAddress", "")])["bindAddress"] == "127.0.0.1")
  }

  @Test(arguments: [("0.0.0.0", "10.1.2.3"), ("::", "10.1.2.3"), ("10.9.9.9", "10.9.9.9")])
  func `what is advertised follows from what is bound`(bind: String, host: String) throws {
    #expect(try serve("--bind \(bind)")["brokerIP1"] == host)
  }

  @Test func `a broker takes its options over its file`() throws {
    let file = PropertiesFile([.init("namesrvAddr", "a:1"), .init("brokerName", "b")])
    let properties = try Configuration.broker(arguments("mqbroker -n c:2;d:3 --store /s"), file: file)
    #expect(properties["namesrvAddr"] == "c:2;d:3")
    #expect(properties["brokerName"] == "b")
    #expect(properties["storePathRootDir"] == "/s")
    #expect(properties["bindAddress"] == nil)
    for list in ["", ";", ";;"] {
      let empty = #expect(throws: CommandFailure.self) {
        _ = try Configuration.broker(arguments("apus broker --name-servers=\(list)"), file: file)
      }
      #expect(empty?.status == .usage, "\(list)")
    }
  }

  @Test func `serve finds the name server's changed settings again, but not where files were or who may administer`()
    throws
  {
    let home = NSTemporaryDirectory() + "apus-namesrv-" + UUID().uuidString
    #expect(try NameServerCommand.kept(in: home).entries.isEmpty)
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    let text = """
      listenPort=9999
      orderMessageEnable=true
      kvConfigPath=/elsewhere/kvConfig.json
      configStorePath=/elsewhere/namesrv.properties
      rocketmqHome=/elsewhere
      adminAllow=0.0.0.0/0

      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: home + "/namesrv.properties"))
    let kept = try NameServerCommand.kept(in: home)
    #expect(Set(kept.entries.map(\.key)) == ["listenPort", "orderMessageEnable"])
    #expect(kept["listenPort"] == "9999" && kept["orderMessageEnable"] == "true")
    try FileManager.default.removeItem(atPath: home)
  }

  @Test func `a name server keeps what is changed in the file that it was started with, and leaves the rest of it`()
    throws
  {
    let file = PropertiesFile([
      .init("listenPort", "9999"), .init("tls.server.mode", "enforcing"), .init("configStorePath", "/elsewhere"),
      .init("x", "1"),
    ])
    let (settings, unknown) = try NameServerCommand.settings(home: "h", file: file, path: "etc/namesrv.conf")
    #expect(settings.configStorePath == "etc/namesrv.conf")
    #expect(unknown == ["x"])
    let bytes = settings.stored
    let stored = try PropertiesFile(parsing: bytes.rawSpan)
    #expect(stored["tls.server.mode"] == "enforcing" && stored["listenPort"] == "9999" && stored["x"] == "1")
    let (plain, _) = try NameServerCommand.settings(home: "h", file: PropertiesFile())
    #expect(plain.configStorePath == "h/namesrv.properties")
  }

  @Test func `a name server listens where the command line says, else its file, else everywhere`() throws {
    let file = PropertiesFile([.init("bindAddress", "10.0.0.1")])
    #expect(try NameServerCommand.host(arguments("mqnamesrv --bind 10.0.0.2"), file: file) == "10.0.0.2")
    #expect(try NameServerCommand.host(arguments("mqnamesrv"), file: file) == "10.0.0.1")
    #expect(try NameServerCommand.host(arguments("mqnamesrv"), file: PropertiesFile()) == "0.0.0.0")
    let (settings, unknown) = try NameServerCommand.settings(home: "h", file: file, path: "etc/namesrv.conf")
    #expect(unknown.isEmpty)
    let bytes = settings.stored
    #expect(try PropertiesFile(parsing: bytes.rawSpan)["bindAddress"] == "10.0.0.1")
  }

  @Test func `what is changed at a name server goes into the file behind a link`() throws {
    let directory = NSTemporaryDirectory() + "apus-namesrv-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let (path, link) = (directory + "/real.conf", directory + "/namesrv.conf")
    try Data("listenPort=9999\n".utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    let (settings, _) = try NameServerCommand.settings(home: "h", file: Configuration.file(link), path: link)
    #expect(settings.configStorePath == PrivateFile.resolved(path))
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `a value that cannot be is a configuration error that names key, value and range`() throws {
    let failure = #expect(throws: CommandFailure.self) {
      _ = try Configuration.settings(
        PropertiesFile([.init("listenPort", "70000")]), machine: try Configuration.machine())
    }
    #expect(failure?.status == .configuration)
    for part in ["listenPort", "70000", "65535"] { #expect(failure?.message.contains(part) == true, "\(part)") }
  }

  @Test func `a file that is not there is a configuration error that names it`() {
    let failure = #expect(throws: CommandFailure.self) { _ = try Configuration.file("/nowhere/broker.conf") }
    #expect(failure?.status == .configuration)
    #expect(failure?.message.contains("/nowhere/broker.conf") == true)
  }

  @Test func `printing shows all settings or the important ones`() throws {
    let settings = try Configuration.settings(PropertiesFile(), machine: try Configuration.machine())
    let all = try #require(Configuration.printout(try arguments("mqbroker -p"), settings))
    let important = try #require(Configuration.printout(try arguments("mqbroker -m"), settings))
    #expect(all.contains("\nflushDiskType=ASYNC_FLUSH\n") || all.hasPrefix("flushDiskType"))
    #expect(important.contains("brokerClusterName=DefaultCluster\n"))
    #expect(important.split(separator: "\n").count < all.split(separator: "\n").count / 3)
    #expect(Configuration.printout(try arguments("mqbroker"), settings) == nil)
  }

  @Test func `home, store and name servers are those that Java is told of`() throws {
    let java = JavaOptions([
      "-Xmx8g -Duser.home=/old", "-Duser.home=/data -Drocketmq.home.dir=/opt/rocketmq -Drocketmq.namesrv.addr=a:1;b:2",
    ])
    let machine = try Configuration.machine(java: java)
    #expect(machine.storeRoot == "/data/store" && machine.rocketmqHome == "/opt/rocketmq")
    #expect(machine.nameServers == "a:1;b:2")
    #expect(Configuration.home(java) == "/data")
    let plain = try Configuration.machine(java: JavaOptions(["-Dx=y"]))
    #expect(plain.storeRoot == Configuration.home(JavaOptions([])) + "/store")
  }

  @Test func `TLS settings come from Java's options, the file over them and the command line over both`() throws {
    let file = PropertiesFile([
      .init("tls.server.mode", "disabled"), .init("tls.enable", "true"), .init("listenPort", "1"),
    ])
    let arguments = try arguments("mqbroker -Dtls.server.mode=enforcing -D tls.client.authServer=false")
    let java = JavaOptions(["-server -Xmx8g -Dtls.enable=false -Dtls.server.mode=permissive", "-Dx=y -Dtls.odd"])
    let settings = try Configuration.tls(
      definitions: arguments.definitions, file: file, java: java)
    #expect(settings.mode == .enforcing)
    #expect(settings.isClientEnabled)
    let less = try Configuration.tls(definitions: PropertiesFile(), file: PropertiesFile(), java: java)
    #expect(less.mode == .permissive && !less.isClientEnabled)
    #expect(file.withoutTLS.entries.map(\.key) == ["listenPort"])
    #expect(throws: CommandFailure.self) {
      try Configuration.tls(
        definitions: PropertiesFile([.init("tls.server.mode", "x")]), file: PropertiesFile(), java: JavaOptions([]))
    }
  }

  @Test func `the administration tool uses TLS when Java's options say so`() throws {
    for words in ["-server -Xmx1g", "-Dtls.server.mode=enforcing"] {
      let none = try Configuration.adminTLS(java: JavaOptions([words]))
      #expect(none?.trust == nil, "\(words)")
    }
    let anyone = try #require(try Configuration.adminTLS(java: JavaOptions(["-server", "-Dtls.enable=true -Xmx1g"])))
    #expect(anyone.trust == .anyone)
    let words = [
      "-Dtls.enable=true", "-Dtls.test.mode.enable=false", "-Dtls.client.authServer=true",
      "-Dtls.client.trustCertPath=ca.pem", "-Dtls.client.certPath=own.pem", "-Dtls.client.keyPath=own.key",
    ]
    let known = try #require(try Configuration.adminTLS(java: JavaOptions(words)))
    #expect(known.trust == .file("ca.pem"))
    #expect(known.certificatePath == "own.pem")
    #expect(known.keyPath == "own.key")
    #expect(!known.checksServerName)
    let failure = #expect(throws: CommandFailure.self) {
      _ = try Configuration.adminTLS(java: JavaOptions(["-Dtls.enable=perhaps"]))
    }
    #expect(failure?.status == .failure)
  }

  @Test(arguments: [
    "-Dtls.server.mode=enforcing", "-D tls.server.mode=enforcing", "--define tls.server.mode=enforcing",
    "--define=tls.server.mode=enforcing", "-define tls.server.mode=enforcing",
  ])
  func `a definition counts in every spelling of its option`(words: String) throws {
    for server in ["serve", "broker", "namesrv"] {
      let arguments = try arguments("apus \(server) \(words) -Dtls.enable=true")
      #expect(arguments.definitions["tls.server.mode"] == "enforcing")
      #expect(arguments.definitions["tls.enable"] == "true")
    }
  }

  @Test(arguments: ["-Dtls.enable", "-Drocketmq.x=1", "-D", "-D=1", "--define tls.enable", "--define=x=1"])
  func `a definition that is none of TLS is refused`(word: String) {
    #expect(throws: CommandFailure.self) { try self.arguments("apus broker \(word)") }
    #expect(throws: CommandFailure.self) { try self.arguments("apus bench send -Dtls.enable=true") }
  }
}
