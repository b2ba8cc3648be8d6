package expr

// call compiles the built-in functions.
func (c *compiler) call(n *node) operand {
	want := map[string]int{"task": 1, "per_cpu": 2, "in": 1, "prev": 1, "sizeof": 1}
	k, ok := want[n.text]
	if !ok {
		c.fail(n.pos, "no function is called %q; there are task, per_cpu, in, prev, forall, exists, count and sizeof", n.text)
	}
	if len(n.args) != k {
		c.fail(n.pos, "%s takes %d argument(s), not %d", n.text, k, len(n.args))
	}
	switch n.text {
	case "task":
		return c.task(n)
	case "per_cpu":
		return c.perCPU(n)
	case "in":
		return c.inFunc(n)
	case "prev":
		return c.prev(n)
	}
	return constant(int64(c.compile(n.args[0]).typ.Size), Uint64)
}

func (c *compiler) task(n *node) operand {
	num := c.value(n.args[0])
	if !num.konst {
		c.fail(n.args[0].pos, "task() wants a constant number")
	}
	for _, t := range c.names.Tasks() {
		if int64(t.Num) == num.k {
			return c.taskAt(t, n.pos)
		}
	}
	c.fail(n.args[0].pos, "there is no task %d", num.k)
	return operand{}
}

func (c *compiler) taskAt(t Task, pos int) operand {
	typ, ok := c.names.Type("task_struct")
	if !ok {
		c.fail(pos, "there are no tasks on a bare machine")
	}
	return c.object(t.Addr, typ)
}

func (c *compiler) perCPU(n *node) operand {
	if n.args[0].kind != nName {
		c.fail(n.args[0].pos, "per_cpu() wants the name of a per-CPU variable")
	}
	core := c.core(n.args[1])
	addr, t, ok := c.names.PerCPU(core, n.args[0].text)
	if !ok {
		c.fail(n.args[0].pos, "no per-CPU variable is called %q", n.args[0].text)
	}
	return c.object(addr, t)
}

func (c *compiler) inFunc(n *node) operand {
	if n.args[0].kind != nName {
		c.fail(n.args[0].pos, "in() wants the name of a function")
	}
	lo, hi, ok := c.names.FuncRange(n.args[0].text)
	if !ok {
		c.fail(n.args[0].pos, "no function is called %q", n.args[0].text)
	}
	c.loose = true
	rip := Reg{Kind: RegRIP, Size: 8}
	return operand{typ: Int32, val: func(x *Context) int64 {
		pc := x.State.Reg(x.Core, rip)
		return truth(lo <= pc && pc < hi)
	}}
}

func (c *compiler) prev(n *node) operand {
	if c.inP {
		c.fail(n.pos, "prev() inside prev(): only one choice back is remembered")
	}
	c.inP = true
	a := c.value(n.args[0])
	c.inP = false
	slot := len(c.prevs)
	c.prevs = append(c.prevs, a.val)
	return operand{typ: a.typ, val: func(x *Context) int64 { return x.Prev[slot] }}
}

// quant unrolls a quantifier over its set.
func (c *compiler) quant(n *node) operand {
	var body []evalFn
	saved, had := c.vars[n.name]
	for _, v := range c.domain(n) {
		c.vars[n.name] = v
		body = append(body, c.value(n.a).val)
	}
	delete(c.vars, n.name)
	if had {
		c.vars[n.name] = saved
	}
	switch n.text {
	case "forall":
		return operand{typ: Int32, val: func(x *Context) int64 {
			for _, f := range body {
				if f(x) == 0 {
					return 0
				}
			}
			return 1
		}}
	case "exists":
		return operand{typ: Int32, val: func(x *Context) int64 {
			for _, f := range body {
				if f(x) != 0 {
					return 1
				}
			}
			return 0
		}}
	}
	return operand{typ: Int32, val: func(x *Context) int64 {
		k := int64(0)
		for _, f := range body {
			k += truth(f(x) != 0)
		}
		return k
	}}
}

// domain returns what a quantifier's variable stands for in turn.
func (c *compiler) domain(n *node) []operand {
	var out []operand
	if n.set == "cpus" {
		for i := 0; i < c.names.Cores(); i++ {
			out = append(out, constant(int64(i), Int32))
		}
		return out
	}
	for _, t := range c.names.Tasks() {
		if n.set == "all" || t.Idle == (n.set == "idle") {
			out = append(out, c.taskAt(t, n.pos))
		}
	}
	return out
}
