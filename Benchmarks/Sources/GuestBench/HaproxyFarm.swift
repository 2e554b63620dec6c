import Foundation
import Glibc

/// What Neutron's agents run: a haproxy in each namespace, all with one backend behind a Unix
/// socket. The configuration is that of neutron/agent/metadata/driver_base.py and
/// neutron/common/metadata.py, with the defaults of their options; only `daemon` is left out, so
/// that each can be stopped by whoever started it.
struct HaproxyFarm {
  let backend: Child
  let proxies: [Child]

  init(_ count: Int, in namespaces: NamespaceSet, folder: String) throws {
    let socket = "\(folder)/metadata_proxy"
    try Self.write(Self.nginx(folder: folder, socket: socket), to: "\(folder)/backend.conf")
    try Self.write(String(repeating: "x", count: 1205), to: "\(folder)/meta_data.json")
    backend = try Child(
      ["nginx", "-e", "stderr", "-p", folder, "-c", "\(folder)/backend.conf"],
      log: "\(folder)/backend.log")
    var proxies: [Child] = []
    do {
      for number in 0..<count {
        let file = "\(folder)/haproxy-\(number).conf"
        try Self.write(Self.haproxy(number, socket: socket), to: file)
        try Interrupt.check()
        proxies.append(
          try Child(
            ["ip", "netns", "exec", namespaces.name(number), "haproxy", "-f", file],
            log: "\(folder)/haproxy-\(number).log"))
      }
    } catch {
      for proxy in proxies { proxy.stop() }
      backend.stop()
      throw error
    }
    self.proxies = proxies
  }

  var processes: [pid_t] { proxies.map(\.processID) }

  func stop() {
    for proxy in proxies { kill(proxy.processID, SIGTERM) }
    for proxy in proxies { proxy.stop() }
    backend.stop()
  }

  private static func haproxy(_ number: Int, socket: String) -> String {
    """
    global
        log         /dev/log local0 info
        log-tag     haproxy-metadata-proxy-\(NamespaceSet.network(number))
        user        nobody
        group       nogroup
        maxconn     1024
        nbthread    2

    defaults
        log global
        mode http
        option httplog
        option dontlognull
        option http-server-close
        option forwardfor
        retries                 3
        timeout http-request    30s
        timeout connect         30s
        timeout client          32s
        timeout server          32s
        timeout http-keep-alive 30s

    listen listener
        bind 169.254.169.254:80
        server metadata \(socket)
        http-request add-header X-OVN-Network-ID \(NamespaceSet.network(number))

    """
  }

  private static func nginx(folder: String, socket: String) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "  \($0)_temp_path \(folder)/backend-\($0);" }.joined(separator: "\n")
    return """
      user root root;
      daemon off;
      worker_processes 1;
      pid \(folder)/backend.pid;
      error_log stderr warn;
      events { worker_connections 4096; }
      http {
        access_log off;
      \(temporary)
        server {
          listen unix:\(socket);
          root \(folder);
          location / { try_files /meta_data.json =404; default_type application/json; }
        }
      }

      """
  }

  private static func write(_ text: String, to file: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
  }
}
