"""The station: inspects parts at line speed, answers every one, and loses no record.

The folders, in the order in which a part meets them:

    cameras/     frames come in: the port, and a driver a file
    line/        the line itself: one answer for every frame, in time or undecided
    inspecting/  the process that judges, the shared memory to it, its replacement and its successor
    spool/       what is durable until the hub has it: records before answers, pictures, room on the disk
    outputs/     answers go out: the port, and a driver a file
    hub/         what goes to the hub and what comes from it: reports, deliveries, assignments, packages
    state/       what is known now, for page, metrics, report and alarms
    web/         the station's own page, its health and its metrics
    running/     named loops, time as a value, supervision by progress

``main`` joins them from ``settings``; ``drivers`` lists cameras and outputs. Imports between the folders go
one way: running < cameras < state < inspecting, spool, outputs < line, hub, web < drivers, main.
"""
